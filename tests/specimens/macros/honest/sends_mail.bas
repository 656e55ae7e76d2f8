Option Explicit
' Sends the invoice of each customer by mail, after asking once.

Public Sub SendInvoices()
    Dim outlook As Object
    Dim mail As Object
    Dim row As Long
    Dim file As String
    If MsgBox("Send all invoices?", vbYesNo) <> vbYes Then Exit Sub
    Set outlook = CreateObject("Outlook.Application")
    For row = 2 To Worksheets("Customers").Cells(Rows.Count, 1).End(xlUp).Row
        file = Environ("TEMP") & "\invoice-" & Worksheets("Customers").Cells(row, 1).Value & ".pdf"
        Worksheets("Invoice").Range("B3").Value = Worksheets("Customers").Cells(row, 1).Value
        Worksheets("Invoice").ExportAsFixedFormat Type:=xlTypePDF, Filename:=file
        Set mail = outlook.CreateItem(0)
        mail.To = Worksheets("Customers").Cells(row, 3).Value
        mail.Subject = "Invoice " & Worksheets("Customers").Cells(row, 1).Value
        mail.Attachments.Add file
        mail.Display
        Kill file
    Next row
End Sub

Private Sub Workbook_Open()
    Application.Visible = False
    StartForm.Show
    Application.Visible = True
End Sub
