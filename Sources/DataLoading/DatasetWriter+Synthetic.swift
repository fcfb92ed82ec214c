extension DatasetWriter {
    /// Writes a location of synthetic digits as IDX files, as `write` does what it loads, with no more than a thousand
    /// pictures in memory; nil where it has other parts, or `format` is another one. Returns the parts' sizes.
    package static func writeDrawn(
        _ location: DatasetLocation, format: DatasetFormat, to path: String
    ) throws -> [(part: DatasetPart, count: Int)]? {
        guard [.idx, .idxGzip].contains(format), case .synthetic(let train) = location.train,
            case .synthetic(let test)? = location.test
        else { return nil }
        let parts = [(part: DatasetPart.train, digits: train), (part: .test, digits: test)]
        try write(classNames: location.classNames, to: path) { folder in
            for (part, digits) in parts { try writeDrawn(digits, part, format == .idxGzip, in: folder) }
        }
        return parts.map { ($0.part, $0.digits.count) }
    }

    private static func writeDrawn(
        _ digits: SyntheticDigits.Part, _ part: DatasetPart, _ compresses: Bool, in folder: String
    ) throws {
        let ending = compresses ? ".gz" : ""
        let side = SyntheticDigits.side
        let pixels = try OutputFile(
            path: "\(folder)/\(part.idxName)-images-idx3-ubyte\(ending)", compresses: compresses)
        try pixels.write(header(.ubyte, [digits.count, side, side]))
        let labels = try OutputFile(
            path: "\(folder)/\(part.idxName)-labels-idx1-ubyte\(ending)", compresses: compresses)
        try labels.write(header(.ubyte, [digits.count]))
        let chunk = 1_000
        var drawn = [UInt8](repeating: 0, count: chunk * side * side)
        for begin in stride(from: 0, to: digits.count, by: chunk) {
            let count = min(chunk, digits.count - begin)
            try drawn.withUnsafeMutableBufferPointer { drawn in
                for sample in 0..<count {
                    let place = sample * side * side..<(sample + 1) * side * side
                    digits.draw(begin + sample, into: UnsafeMutableBufferPointer(rebasing: drawn[place]))
                }
                try pixels.write(
                    UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(drawn)[..<(count * side * side)]))
            }
            try labels.write((begin..<begin + count).map(digits.label))
        }
        try pixels.finish()
        try labels.finish()
    }
}
