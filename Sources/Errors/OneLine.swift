extension String {
    /// For messages that repeat what a file says: what moves a terminal's cursor is written out, and the text is cut.
    package func onOneLine(atMost byteCount: Int) -> String {
        var text = ""
        for scalar in unicodeScalars {
            var word = String(scalar)
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator:
                let digits = String(scalar.value, radix: 16)
                word = "\\u" + String(repeating: "0", count: max(0, 4 - digits.utf8.count)) + digits
            default: break
            }
            guard text.utf8.count + word.utf8.count <= byteCount else { return text + "…" }
            text += word
        }
        return text
    }
}
