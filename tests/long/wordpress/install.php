<?php
// Run in WordPress's folder: makes the tables and three users, and prints the users' application passwords as JSON.
$_SERVER['HTTP_HOST'] = '127.0.0.1';
define('WP_INSTALLING', true);
function wp_new_blog_notification(...$ignored) {}  // sends a mail
require getcwd() . '/wp-load.php';
require_once ABSPATH . 'wp-admin/includes/upgrade.php';
add_filter('pre_option_permalink_structure', fn() => '/%postname%/');  // or wp_install calls its own site to try it
wp_install('Test blog', 'admin', 'admin@example.com', true, '', wp_generate_password());
remove_all_filters('pre_option_permalink_structure');
$wp_rewrite->set_permalink_structure('/%postname%/');
$wp_rewrite->flush_rules(false);
$passwords = [];
foreach (['admin' => 'administrator', 'author' => 'author', 'reader' => 'subscriber'] as $name => $role) {
    $id = username_exists($name) ?: wp_create_user($name, wp_generate_password(), "$name@example.com");
    (new WP_User($id))->set_role($role);
    $made = WP_Application_Passwords::create_new_application_password($id, ['name' => 'tests']);
    $passwords[$name] = WP_Application_Passwords::chunk_password($made[0]);
}
echo json_encode($passwords);
