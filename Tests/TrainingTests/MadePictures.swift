import DataLoading

/// 84 pictures of 9 × 10 pixels in four classes. Half of the pixels are 0, so that products leave some out.
enum MadePictures {
    static let (sampleCount, height, width) = (84, 9, 10)

    static func images() throws -> LabelledImages {
        let labels = (0..<sampleCount).map { UInt8($0 * 7 % 4) }
        var pixels: [UInt8] = []
        for image in 0..<sampleCount {
            for pixel in 0..<height * width {
                let isLit = pixel / 23 == Int(labels[image])
                let noise = (image * 31 + pixel * 17) % 97
                pixels.append(isLit ? UInt8(150 + noise) : noise < 50 ? 0 : UInt8(noise))
            }
        }
        return LabelledImages(
            pixels: try ByteBuffer(pixels), labels: labels, height: height, width: width, channels: 1, classCount: 4)
    }
}
