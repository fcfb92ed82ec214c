/// A point whose class is told by colour and shape.
enum PageMark {
    static func html(_ style: Int, x: Double, y: Double, title: String) -> HTML {
        let colour = style % 8
        let name: HTML = title.isEmpty ? "" : "<title>\(title)</title>"
        // Eight colours, and other shapes for the next eight.
        switch style / 8 % 3 {
        case 0: return "<circle class=\"point f\(colour)\" cx=\"\(x)\" cy=\"\(y)\" r=\"3\">\(name)</circle>"
        case 1:
            return """
                <path class="point f\(colour)" d="M\(x - 3.5) \(y + 3)h7l-3.5 -6z">\(name)</path>
                """
        default:
            return """
                <rect class="point f\(colour)" x="\(x - 2.8)" y="\(y - 2.8)" width="5.6" height="5.6">\(name)</rect>
                """
        }
    }
}

/// A share as a bar beside its number.
enum PageBar {
    static func html(share: Double, style: Int = 0) -> HTML {
        """
        <svg class="meter" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">\
        <rect class="f\(style)" x="0" y="1" width="\(min(max(share, 0), 1) * 100)" height="8"/></svg>
        """
    }
}
