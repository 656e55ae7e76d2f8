//! Builds RTF documents and the OLE 1 objects in them.

/// A document with this in it.
pub fn rtf(body: &str) -> Vec<u8> {
    format!("{{\\rtf1\\ansi\\deff0 {body}}}").into_bytes()
}

/// The group of an embedded object with this data; `words` are more control words of it.
pub fn object(words: &str, data: &[u8]) -> String {
    format!("{{\\object\\objemb{words}{{\\*\\objdata {}}}}}", hex(data))
}

/// Lower-case digits, in lines.
pub fn hex(data: &[u8]) -> String {
    let lines = data.chunks(64).map(|line| line.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    lines.collect::<Vec<_>>().join("\r\n")
}

/// The group of a field with this instruction.
pub fn field(instruction: &str) -> String {
    format!("{{\\field{{\\*\\fldinst {instruction}}}{{\\fldrslt result}}}}")
}

/// An embedded object of OLE 1 (MS-OLEDS 2.2.5).
pub fn ole1(class: &str, native: &[u8]) -> Vec<u8> {
    let mut data = ole1_header(2, class, "");
    data.extend((native.len() as u32).to_le_bytes());
    data.extend(native);
    data
}

/// A linked object of OLE 1 (MS-OLEDS 2.2.6).
pub fn ole1_link(class: &str, topic: &str) -> Vec<u8> {
    let mut data = ole1_header(1, class, topic);
    data.extend([0; 12]);
    data
}

fn ole1_header(form: u32, class: &str, topic: &str) -> Vec<u8> {
    let mut data = Vec::new();
    data.extend(0x501_u32.to_le_bytes());
    data.extend(form.to_le_bytes());
    for text in [class, topic, ""] {
        let length = if text.is_empty() { 0 } else { text.len() as u32 + 1 };
        data.extend(length.to_le_bytes());
        data.extend(text.as_bytes());
        data.extend((length > 0).then_some(0));
    }
    data
}

/// The data of a package: a file to be opened by a double click. Without the length that goes before it in a stream.
pub fn package(file: &str, content: &[u8]) -> Vec<u8> {
    let mut data = vec![2, 0];
    data.extend(file.as_bytes());
    data.push(0);
    data.extend(format!("C:\\Users\\me\\{file}\0").as_bytes());
    data.extend([0, 0, 3, 0]);
    let command = format!("C:\\Users\\me\\AppData\\Local\\Temp\\{file}\0");
    data.extend((command.len() as u32).to_le_bytes());
    data.extend(command.as_bytes());
    data.extend((content.len() as u32).to_le_bytes());
    data.extend(content);
    data
}

/// The stream `\x01Ole10Native` that holds `data`.
pub fn ole10_native(data: &[u8]) -> Vec<u8> {
    let mut stream = (data.len() as u32).to_le_bytes().to_vec();
    stream.extend(data);
    stream
}
