// The EICAR test file: how people check that a scanner is awake.
//
// Its 68 characters stand here as hex, so that no scanner takes this file for the test file.

rule eicar_test_file
{
    meta:
        description = "The file begins with the EICAR anti-virus test string."
        weight = 8.0
        author = "stakeout"
        reference = "EICAR, Anti-Malware Testfile, 2003-05-01"
        family = "EICAR-Test-File"
    strings:
        $string = {
            58 35 4F 21 50 25 40 41 50 5B 34 5C 50 5A 58 35 34 28 50 5E 29 37 43 43 29 37 7D
            24 45 49 43 41 52 2D 53 54 41 4E 44 41 52 44 2D 41 4E 54 49 56 49 52 55 53 2D 54 45 53 54 2D 46 49 4C 45 21 24 48 2B 48 2A
        }
    condition:
        // The specification allows white space after the string, up to 128 characters in all.
        filesize <= 128 and $string at 0
}

rule eicar_test_string_inside
{
    meta:
        description = "The EICAR anti-virus test string stands somewhere inside the file."
        weight = 1.0
        author = "stakeout"
        reference = "EICAR, Anti-Malware Testfile, 2003-05-01"
        family = "EICAR-Test-File"
    strings:
        $string = {
            58 35 4F 21 50 25 40 41 50 5B 34 5C 50 5A 58 35 34 28 50 5E 29 37 43 43 29 37 7D
            24 45 49 43 41 52 2D 53 54 41 4E 44 41 52 44 2D 41 4E 54 49 56 49 52 55 53 2D 54 45 53 54 2D 46 49 4C 45 21 24 48 2B 48 2A
        }
    condition:
        filesize > 128 and $string
}
