/// Rounded averages of areas, in whole numbers: the same bits everywhere.
extension DecodedImage {
    /// The picture at another size: each new pixel is the mean of the area that it covers in the old picture.
    package func resized(height newHeight: Int, width newWidth: Int) -> DecodedImage {
        precondition(newHeight > 0 && newWidth > 0, "resized: \(newHeight) × \(newWidth) is no size")
        if (newHeight, newWidth) == (height, width) { return self }
        let rows = Self.overlaps(from: height, to: newHeight)
        let columns = Self.overlaps(from: width, to: newWidth)
        var result = [UInt8](repeating: 0, count: newHeight * newWidth * channels)
        // A row of old pixels is worth newHeight, a column newWidth: a new pixel's weights sum to height · width.
        let total = height * width
        for (row, vertical) in rows.enumerated() {
            for (column, horizontal) in columns.enumerated() {
                for channel in 0..<channels {
                    var sum = 0
                    for (y, weightY) in vertical {
                        var rowSum = 0
                        for (x, weightX) in horizontal {
                            rowSum += weightX * Int(pixels[(y * width + x) * channels + channel])
                        }
                        sum += weightY * rowSum
                    }
                    result[(row * newWidth + column) * channels + channel] = UInt8((2 * sum + total) / (2 * total))
                }
            }
        }
        return DecodedImage(pixels: result, height: newHeight, width: newWidth, channels: channels)
    }

    /// Which old places each new place covers, with weights that sum to `old`.
    private static func overlaps(from old: Int, to new: Int) -> [[(place: Int, weight: Int)]] {
        (0..<new).map { index in
            // In units of 1 / new of an old place.
            let (begin, end) = (index * old, (index + 1) * old)
            return (begin / new...(end - 1) / new).map { place in
                (place, min(end, (place + 1) * new) - max(begin, place * new))
            }
        }
    }

    /// Three channels of grey, or one of Rec. 601's luma in whole numbers.
    package func converted(toChannels wanted: Int) -> DecodedImage {
        precondition(wanted == 1 || wanted == 3, "converted: \(wanted) channels")
        if wanted == channels { return self }
        var converted: [UInt8] = []
        if wanted == 3 {
            for pixel in pixels { converted += [pixel, pixel, pixel] }
        } else {
            for place in stride(from: 0, to: pixels.count, by: 3) {
                let (red, green, blue) = (Int(pixels[place]), Int(pixels[place + 1]), Int(pixels[place + 2]))
                converted.append(UInt8((299 * red + 587 * green + 114 * blue + 500) / 1_000))
            }
        }
        return DecodedImage(pixels: converted, height: height, width: width, channels: wanted)
    }
}
