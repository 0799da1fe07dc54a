<?php
// Guzzle, Debian's.
require '/usr/share/php/GuzzleHttp/autoload.php';

[, $url, $kind, $seconds, $picture, $filename, $prompt] = $argv;
$fields = ['model' => 'sora-2', 'prompt' => $prompt, 'seconds' => $seconds, 'size' => '1280x720'];
$options = ['headers' => ['Authorization' => 'Bearer sk-test'], 'http_errors' => false];
if ($kind === 'form') {
    foreach ($fields as $name => $contents) {
        $options['multipart'][] = compact('name', 'contents');
    }
    $options['multipart'][] = [
        'name' => 'input_reference',
        'contents' => fopen($picture, 'rb'),
        'filename' => $filename,
        'headers' => ['Content-Type' => 'image/png'],
    ];
} else {
    $options['json'] = $fields;
}
$answer = (new GuzzleHttp\Client())->post("$url/videos", $options);
echo $answer->getStatusCode(), "\n", $answer->getBody(), "\n";
