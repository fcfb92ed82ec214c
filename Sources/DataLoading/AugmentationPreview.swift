/// What training would see of some samples: each as it is, and as it becomes in the first epochs.
package struct AugmentationPreview {
    /// One row for each sample: the original, then its versions of epochs 1, 2, …
    package let rows: [[DecodedImage]]

    /// Where pictures are mixed, `samples` are one batch, in their order.
    ///
    /// - Precondition: No side is above `Augmentation.sideLimit`.
    package init(
        _ augmentation: Augmentation, of images: LabelledImages, samples: [Int32], epochs: Int, seed: UInt64
    ) {
        let (height, width, channels) = (images.height, images.width, images.channels)
        func picture(_ pixels: [UInt8]) -> DecodedImage {
            DecodedImage(pixels: pixels, height: height, width: width, channels: channels)
        }
        let augmenter = Augmenter(augmentation, height: height, width: width, channels: channels, seed: seed)
        let mixer =
            augmentation.mixing.isNone
            ? nil
            : Mixer(augmentation.mixing, height: height, width: width, channels: channels, seed: seed, capacity: 0)
        func filled(_ body: (UnsafeMutablePointer<UInt8>) -> Void) -> [UInt8] {
            var pixels = [UInt8](repeating: 0, count: images.pixelsPerImage)
            pixels.withUnsafeMutableBufferPointer { if let base = $0.baseAddress { body(base) } }
            return pixels
        }
        var rows = samples.map { [picture(images.image(Int($0)))] }
        for epoch in 1..<UInt64(epochs) + 1 {
            let changed = samples.map { sample in
                filled { augmenter.apply(images.image(Int(sample)), sample: UInt64(sample), epoch: epoch, to: $0) }
            }
            for place in samples.indices {
                guard let mixer else {
                    rows[place].append(picture(changed[place]))
                    continue
                }
                let draw = mixer.draw(epoch: epoch, position: place, batch: samples.indices)
                rows[place].append(picture(filled { mixer.mix(changed[place], changed[draw.partner], draw, to: $0) }))
            }
        }
        self.rows = rows
    }

    /// Writes the rows as one picture, PGM or PPM, with two grey pixels between pictures. The file must not exist.
    ///
    /// - Precondition: Pictures have 1 or 3 channels.
    package func write(to path: String) throws {
        guard let first = rows.first?.first else { return }
        precondition([1, 3].contains(first.channels), "AugmentationPreview: \(first.channels) channels")
        let gap = 2
        let columnCount = rows.map(\.count).max() ?? 0
        let width = columnCount * (first.width + gap) + gap
        let height = rows.count * (first.height + gap) + gap
        var pixels = [UInt8](repeating: 128, count: height * width * first.channels)
        for (row, pictures) in rows.enumerated() {
            for (column, picture) in pictures.enumerated() {
                for line in 0..<picture.height {
                    let target =
                        ((gap + row * (picture.height + gap) + line) * width + gap + column * (picture.width + gap))
                    let byteCount = picture.width * picture.channels
                    let begin = target * picture.channels
                    pixels.replaceSubrange(
                        begin..<begin + byteCount, with: picture.pixels[line * byteCount..<(line + 1) * byteCount])
                }
            }
        }
        let file = try OutputFile(path: path)
        try file.write("\(first.channels == 1 ? "P5" : "P6")\n\(width) \(height)\n255\n")
        try file.write(pixels)
        try file.finish()
    }
}
