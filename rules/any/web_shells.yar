// Scripts on a web server that run what a request says.

rule php_eval_of_request
{
    meta:
        description = "A PHP script evaluates what the request carries as code."
        weight = 3.4
        attack = "T1505.003"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
    strings:
        $open = "<?"
        $eval = /\b(eval|assert|create_function)\s{0,4}\(\s{0,4}(@\s{0,2})?((stripslashes|base64_decode|gzinflate|gzuncompress|str_rot13|urldecode|trim)\s{0,2}\(\s{0,2}){0,3}@?\$_(GET|POST|REQUEST|COOKIE)\s{0,2}[\[{]/ nocase
    condition:
        filesize < 2MB and $open and $eval
}

rule php_command_of_request
{
    meta:
        description = "A PHP script hands what the request carries to a shell."
        weight = 3.0
        attack = "T1505.003"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
    strings:
        $open = "<?"
        $run = /\b(system|shell_exec|passthru|exec|popen|proc_open|pcntl_exec)\s{0,4}\(\s{0,4}@?(stripslashes\s{0,2}\(|base64_decode\s{0,2}\(|urldecode\s{0,2}\()?\s{0,2}\$_(GET|POST|REQUEST|COOKIE)\s{0,2}[\[{]/ nocase
    condition:
        filesize < 2MB and $open and $run
}

rule php_eval_of_packed_text
{
    meta:
        description = "A PHP script evaluates code that it unpacks from an encoded text."
        weight = 2.4
        attack = "T1027"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1027/"
    strings:
        $open = "<?"
        $eval = /\b(eval|assert)\s{0,4}\(\s{0,4}@?((gzinflate|gzuncompress|gzdecode|str_rot13|strrev|convert_uudecode|rawurldecode)\s{0,2}\(\s{0,2}){1,4}(base64_decode|str_rot13|strrev)\s{0,2}\(/ nocase
        $direct = /\beval\s{0,4}\(\s{0,4}base64_decode\s{0,2}\(\s{0,2}['"][A-Za-z0-9+\/]{60}/ nocase
    condition:
        filesize < 4MB and $open and any of ($eval, $direct)
}

rule php_web_shell_by_name
{
    meta:
        description = "A PHP script carries the words of a well-known web shell."
        weight = 4.6
        attack = "T1505.003"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        family = "PHP web shell"
    strings:
        $open = "<?php" nocase
        $c99 = "c99shexit" nocase
        $c99_title = "!C99Shell v" nocase
        $r57 = "r57shell" nocase
        $r57_words = "RST/GHC" nocase
        $wso = "WSOsetcookie" nocase
        $wso_default = "$default_action = 'FilesMan'"
        $b374k = "b374k" nocase
        $alfa = "alfa_team" nocase
        $indoxploit = "indoxploit" nocase
        $safe_mode = "safe_mode" nocase
        $uname = "php_uname" nocase
        $run = /\b(shell_exec|passthru|proc_open|popen|system)\s{0,2}\(/ nocase
    condition:
        filesize < 2MB and $open and any of ($c99*, $r57*, $wso*, $b374k, $alfa, $indoxploit)
        and 2 of ($safe_mode, $uname, $run)
}

rule jsp_command_of_request
{
    meta:
        description = "A JSP page starts the program that a request parameter names."
        weight = 3.2
        attack = "T1505.003"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
    strings:
        $open = "<%"
        $exec = /getRuntime\(\)\s{0,4}\.\s{0,4}exec\s{0,2}\(/
        $builder = /new\s{1,4}ProcessBuilder\s{0,2}\(/
        $parameter = /request\s{0,2}\.\s{0,2}getParameter\s{0,2}\(\s{0,2}"(cmd|command|c|pwd|pass|exec|shell|i)"/ nocase
    condition:
        filesize < 1MB and $open and $parameter and any of ($exec, $builder)
}

rule jsp_loads_class_from_request
{
    meta:
        description = "A JSP page deciphers a class from the request and loads it, as remote-control shells do."
        weight = 4.4
        attack = "T1505.003"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        family = "Behinder or Godzilla"
    strings:
        $open = "<%"
        $define = "defineClass"
        $loader = "extends ClassLoader"
        $cipher = "Cipher.getInstance(\"AES"
        $short_cipher = "SecretKeySpec("
        $request = /request\s{0,2}\.\s{0,2}(getReader|getInputStream|getParameter)\s{0,2}\(/
    condition:
        filesize < 1MB and $open and $define and $loader and any of ($cipher, $short_cipher) and $request
}

rule asp_eval_of_request
{
    meta:
        description = "An ASP page evaluates what the request carries as code."
        weight = 3.6
        attack = "T1505.003"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        family = "China Chopper"
    strings:
        $open = "<%"
        $script = "runat" nocase
        $classic = /\b(eval|execute|executeglobal)\s{0,2}\(?\s{0,2}request\s{0,2}(\.\s{0,2}(item|form|querystring))?\s{0,2}[\(\[]\s{0,2}["'a-z]/ nocase
        $jscript = /\beval\s{0,2}\(\s{0,2}Request\.(Item|Form|QueryString)\s{0,2}\[[^\]\n]{1,40}\]\s{0,2},\s{0,2}"unsafe"/ nocase
    condition:
        filesize < 1MB and any of ($open, $script) and any of ($classic, $jscript)
}

rule aspx_command_of_request
{
    meta:
        description = "An ASP.NET page starts a command interpreter with text from the request."
        weight = 3.0
        attack = "T1505.003"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
    strings:
        $page = /<%@\s{0,4}(Page|WebHandler)\s/ nocase
        $start = "ProcessStartInfo" nocase
        $shell = "cmd.exe" nocase
        $shell_short = "powershell" nocase
        $no_execute = "UseShellExecute" nocase
        $redirect = "RedirectStandardOutput" nocase
        $request = /Request\s{0,2}(\.|\[)/ nocase
        $field = /\.Text\b/
    condition:
        filesize < 1MB and $page and $start and any of ($shell*) and all of ($no_execute, $redirect)
        and any of ($request, $field)
}
