<?php
// For `php -S`: what is a file is served as one, all else is WordPress's, as with the rules that it writes for Apache.
$root = $_SERVER['DOCUMENT_ROOT'];
$path = rawurldecode(explode('?', $_SERVER['REQUEST_URI'])[0]);
if (is_file($root . $path) || ($path !== '/' && str_ends_with($path, '/') && is_file("$root{$path}index.php"))) {
    return false;
}
$_SERVER['SCRIPT_NAME'] = $_SERVER['PHP_SELF'] = '/index.php';
unset($_SERVER['PATH_INFO']);
chdir($root);
require "$root/index.php";
