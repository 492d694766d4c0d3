<?php
// Copied into WordPress's folder; what differs between two servers stands in settings.json, in the folder above.
$pubsite = json_decode(file_get_contents(dirname(__DIR__) . '/settings.json'), true);
define('DB_NAME', 'wordpress');
define('DB_USER', 'root');
define('DB_PASSWORD', '');
define('DB_HOST', 'localhost:' . $pubsite['database']);
define('DB_CHARSET', 'utf8mb4');
define('WP_HOME', $pubsite['base_url']);
define('WP_SITEURL', $pubsite['base_url']);
foreach (['AUTH', 'SECURE_AUTH', 'LOGGED_IN', 'NONCE'] as $name) {
    define($name . '_KEY', hash('sha256', "$name key {$pubsite['secret']}"));
    define($name . '_SALT', hash('sha256', "$name salt {$pubsite['secret']}"));
}
define('WP_ENVIRONMENT_TYPE', 'local');  // application passwords without TLS
define('WP_HTTP_BLOCK_EXTERNAL', true);
define('DISABLE_WP_CRON', true);
define('AUTOMATIC_UPDATER_DISABLED', true);
define('WP_AUTO_UPDATE_CORE', false);
define('WP_DEBUG', false);
$table_prefix = 'wp_';
if (!defined('ABSPATH')) {
    define('ABSPATH', __DIR__ . '/');
}
require_once ABSPATH . 'wp-settings.php';
