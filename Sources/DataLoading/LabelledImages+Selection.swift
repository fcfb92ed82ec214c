/// New parts from old ones; pixels are copied.
extension LabelledImages {
    /// The images or rows `samples`, in that order.
    package func selecting(_ samples: [Int32]) throws -> LabelledImages {
        let size = bytesPerSample
        let selected = ByteBuffer()
        try selected.resize(to: samples.count * size, for: "selected images")
        pixels.withBytes { source in
            for (place, sample) in samples.enumerated() {
                precondition(
                    sample >= 0 && Int(sample) < count, "LabelledImages: sample \(sample) is outside 0..<\(count)")
                let row = UnsafeRawBufferPointer(
                    rebasing: UnsafeRawBufferPointer(source)[Int(sample) * size..<(Int(sample) + 1) * size])
                UnsafeMutableRawBufferPointer(rebasing: selected.mutableBytes[place * size..<(place + 1) * size])
                    .copyMemory(from: row)
            }
        }
        guard valueType == .byte else {
            return LabelledImages(
                features: selected, featureCount: pixelsPerImage,
                targets: samples.flatMap { targets[Int($0) * targetCount..<(Int($0) + 1) * targetCount] },
                targetCount: targetCount)
        }
        return LabelledImages(
            pixels: selected, labels: samples.map { labels[Int($0)] }, height: height, width: width,
            channels: channels, classCount: classCount, origins: origins?.selecting(samples))
    }

    /// The same images with other labels.
    func relabelled(_ labels: [UInt8], classCount: Int) -> LabelledImages {
        LabelledImages(
            pixels: pixels, labels: labels, height: height, width: width, channels: channels, classCount: classCount,
            origins: origins)
    }

    /// Every pixel p becomes 255 − p.
    package func inverted() throws -> LabelledImages {
        try mapping(height: height, width: width) { source, target in
            for index in source.indices { target[index] = 255 - source[index] }
        }
    }

    /// `margin` pixels of 0 on each side.
    package func padded(by margin: Int) throws -> LabelledImages {
        precondition(margin >= 0, "LabelledImages: margin \(margin) is below 0")
        let (newHeight, newWidth) = (height + 2 * margin, width + 2 * margin)
        let row = width * channels
        return try mapping(height: newHeight, width: newWidth) { source, target in
            target.update(repeating: 0)
            for y in 0..<height {
                let begin = ((y + margin) * newWidth + margin) * channels
                for x in 0..<row { target[begin + x] = source[y * row + x] }
            }
        }
    }

    /// Each image at another size, by `DecodedImage.resized`.
    package func resized(height newHeight: Int, width newWidth: Int) throws -> LabelledImages {
        try mapping(height: newHeight, width: newWidth) { source, target in
            let image = DecodedImage(pixels: Array(source), height: height, width: width, channels: channels)
            _ = target.update(fromContentsOf: image.resized(height: newHeight, width: newWidth).pixels)
        }
    }

    private func mapping(
        height newHeight: Int, width newWidth: Int,
        _ body: (_ source: UnsafeBufferPointer<UInt8>, _ target: UnsafeMutableBufferPointer<UInt8>) -> Void
    ) throws -> LabelledImages {
        precondition(valueType == .byte, "LabelledImages: rows of a table are no images")
        let (size, newSize) = (pixelsPerImage, newHeight * newWidth * channels)
        let result = ByteBuffer()
        try result.resize(to: count * newSize, for: "converted images")
        let target = result.mutableBytes.bindMemory(to: UInt8.self)
        pixels.withBytes { source in
            for sample in 0..<count {
                body(
                    UnsafeBufferPointer(rebasing: source[sample * size..<(sample + 1) * size]),
                    UnsafeMutableBufferPointer(rebasing: target[sample * newSize..<(sample + 1) * newSize]))
            }
        }
        return LabelledImages(
            pixels: result, labels: labels, height: newHeight, width: newWidth, channels: channels,
            classCount: classCount, origins: origins)
    }
}
