import DataLoading

/// Pictures side by side in a terminal: two pixels a character in shades or colours, or eight as dots of Braille where
/// there are none.
struct PictureSheet {
    /// Columns of a picture.
    static let pictureWidth = 14
    private static let gap = 2

    /// Columns.
    let width: Int
    let hasColor: Bool
    let hasTrueColor: Bool

    /// Rows of pictures with their captions, each ended by an empty line.
    func text(_ pictures: [(caption: String, image: DecodedImage)]) -> String {
        let perRow = max(1, (width + Self.gap) / (Self.pictureWidth + Self.gap))
        var lines: [String] = []
        for begin in stride(from: 0, to: pictures.count, by: perRow) {
            let row = pictures[begin..<min(begin + perRow, pictures.count)]
            let drawn = row.map { lineTexts($0.image) }
            let height = drawn.map(\.count).max() ?? 0
            for line in 0..<height {
                lines.append(joined(drawn.map { line < $0.count ? $0[line] : blank }))
            }
            lines.append(
                joined(row.map { Text.padded(String($0.caption.prefix(Self.pictureWidth)), Self.pictureWidth) }))
            lines.append("")
        }
        return lines.map { $0 + "\n" }.joined()
    }

    private var blank: String { String(repeating: " ", count: Self.pictureWidth) }

    private func joined(_ cells: [String]) -> String {
        var line = cells.joined(separator: String(repeating: " ", count: Self.gap))
        while line.hasSuffix(" ") { line.removeLast() }
        return line
    }

    private func lineTexts(_ image: DecodedImage) -> [String] {
        hasColor ? shades(image) : dots(image.converted(toChannels: 1))
    }

    /// Of the picture at `columns` columns; a multiple of `step`.
    private func rows(_ image: DecodedImage, columns: Int, step: Int) -> Int {
        max(1, (image.height * columns + image.width * step / 2) / (image.width * step)) * step
    }

    /// The upper half of a character in the colour of one pixel, the lower in that of another.
    private func shades(_ image: DecodedImage) -> [String] {
        let height = rows(image, columns: Self.pictureWidth, step: 2)
        let small = image.resized(height: height, width: Self.pictureWidth)
        return stride(from: 0, to: height, by: 2).map { y in
            var line = ""
            for x in 0..<Self.pictureWidth {
                line += "\u{1B}[38;\(color(small, y, x));48;\(color(small, y + 1, x))m▀"
            }
            return line + "\u{1B}[0m"
        }
    }

    /// The parameters of a colour: 24 shades, a cube of 6 × 6 × 6, or all.
    private func color(_ image: DecodedImage, _ y: Int, _ x: Int) -> String {
        let pixel = (0..<image.channels).map { Int(image.pixels[(y * image.width + x) * image.channels + $0]) }
        if image.channels == 1 {
            // 232 to 255 are shades from 8 to 238; black and white are in the cube.
            let shade = (pixel[0] * 25 + 127) / 255
            return "5;\(shade == 0 ? 16 : shade == 25 ? 231 : 231 + shade)"
        }
        if hasTrueColor { return "2;\(pixel[0]);\(pixel[1]);\(pixel[2])" }
        return "5;\(16 + pixel.reduce(0) { $0 * 6 + ($1 * 5 + 127) / 255 })"
    }

    /// Where the dots of a Braille character lie in their 4 rows of 2.
    private static let dotBits = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]]
    /// Bayer's thresholds: shades become patterns.
    private static let thresholds = [[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]

    private func dots(_ image: DecodedImage) -> [String] {
        let columns = 2 * Self.pictureWidth
        let height = rows(image, columns: columns, step: 4)
        let small = image.resized(height: height, width: columns)
        return stride(from: 0, to: height, by: 4).map { top in
            var line = ""
            for left in stride(from: 0, to: columns, by: 2) {
                var bits = 0
                for (row, masks) in Self.dotBits.enumerated() {
                    for (column, mask) in masks.enumerated() {
                        let threshold = Self.thresholds[(top + row) % 4][(left + column) % 4] * 14 + 20
                        if Int(small.pixels[(top + row) * columns + left + column]) > threshold { bits |= mask }
                    }
                }
                // The empty pattern is a blank, so that lines can end early.
                line.unicodeScalars.append(bits == 0 ? " " : Unicode.Scalar(0x2800 + bits)!)
            }
            return line
        }
    }
}
