Option Explicit
' Reads today's rates of exchange and writes them to the sheet of rates.
Private Const Service As String = "https://rates.example.com/api/v1/latest?base=EUR"

Private Sub Workbook_Open()
    If Worksheets("Rates").Range("B1").Value < Date Then RefreshRates
End Sub

Public Sub RefreshRates()
    Dim request As Object
    Dim lines() As String
    Dim fields() As String
    Dim row As Long
    Set request = CreateObject("MSXML2.XMLHTTP.6.0")
    request.Open "GET", Service, False
    request.setRequestHeader "Accept", "text/csv"
    request.send
    If request.Status <> 200 Then
        MsgBox "The service answered " & request.Status, vbExclamation
        Exit Sub
    End If
    lines = Split(request.responseText, vbLf)
    For row = 0 To UBound(lines)
        fields = Split(lines(row), ",")
        If UBound(fields) = 1 Then
            Worksheets("Rates").Cells(row + 3, 1).Value = fields(0)
            Worksheets("Rates").Cells(row + 3, 2).Value = Val(fields(1))
        End If
    Next row
    Worksheets("Rates").Range("B1").Value = Date
    SaveCopy request.responseBody
End Sub

' Keeps what was answered beside the workbook, for the auditors.
Private Sub SaveCopy(ByVal body As Variant)
    Dim stream As Object
    Set stream = CreateObject("ADODB.Stream")
    stream.Type = 1
    stream.Open
    stream.Write body
    stream.SaveToFile ThisWorkbook.Path & "\rates-" & Format$(Date, "yyyymmdd") & ".csv", 2
    stream.Close
End Sub
