import DataLoading

/// A confusion matrix as a picture: rows are classes, columns predictions; the darker a cell, the more of its class.
struct ConfusionPicture {
    private static let greatestSide = 640

    let image: DecodedImage

    /// - Parameter matrix: `[class, predicted]`, counts.
    init(_ matrix: [[Int]]) {
        let count = matrix.count
        // One pixel between cells, where there is room.
        let cell = max(1, min(24, Self.greatestSide / count - 1))
        let pitch = cell > 1 ? cell + 1 : 1
        let side = count * pitch + (pitch > cell ? 1 : 0)
        var pixels = [UInt8](repeating: 200, count: side * side * 3)
        for (row, counts) in matrix.enumerated() {
            let total = max(1, counts.reduce(0, +))
            for (column, number) in counts.enumerated() {
                let color = Self.color(number, of: total)
                for y in 0..<cell {
                    for x in 0..<cell {
                        let place = ((row * pitch + pitch - cell + y) * side + column * pitch + pitch - cell + x) * 3
                        for channel in 0..<3 { pixels[place + channel] = color[channel] }
                    }
                }
            }
        }
        image = DecodedImage(pixels: pixels, height: side, width: side, channels: 3)
    }

    /// From white to a dark blue. Rare mistakes must be seen, so that the scale is that of square roots.
    private static func color(_ number: Int, of total: Int) -> [UInt8] {
        let share = (Double(number) / Double(total)).squareRoot()
        return [8, 48, 107].map { UInt8(255 - share * (255 - $0)) }
    }
}
