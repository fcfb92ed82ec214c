import DataLoading
import Errors

extension FuzzTarget {
    /// What 16 KiB of gzip can hold at most, and the same again while it grows.
    private static let inflatedAllowance = 40 << 20

    /// IDX files, plain or gzip, as images and as labels.
    static let idx = FuzzTarget(
        name: "idx", memoryAllowance: inflatedAllowance,
        read: { file, measure in readArray(file, measure) { try IDXReader(file: $0) } }, mutate: mutateBytes)

    /// NumPy's arrays, likewise.
    static let npy = FuzzTarget(
        name: "npy", memoryAllowance: inflatedAllowance,
        read: { file, measure in readArray(file, measure) { try NPYReader(file: $0) } }, mutate: mutateBytes)

    /// NumPy's archives of arrays.
    static let npz = FuzzTarget(
        name: "npz", memoryAllowance: inflatedAllowance, read: readArchive, mutate: mutateArchive)

    /// Tables of images.
    static let csv = FuzzTarget(
        name: "csv", memoryAllowance: inflatedAllowance,
        read: { file, measure in
            readTwice(file, measure) { file in
                let images = try CSVImages(file: file)
                guard images.pixels.count == images.count * images.height * images.width,
                    images.labels.map({ $0.count == images.count }) ?? true
                else { fatalError("a table with \(images.pixels.count) pixels of \(images.count) images") }
                return bytes(of: images.pixels) + (images.labels ?? [])
            }
        }, mutate: mutateBytes)

    /// Tables of numbers, of which columns are chosen in three ways. A value of two characters becomes four bytes, in memory that
    /// doubles.
    static let table = FuzzTarget(
        name: "table", memoryAllowance: 4 * inflatedAllowance,
        read: { file, measure in
            let choices: [ColumnChoice] = [
                .targets(["y"], ignored: []), .targets(["1"], ignored: ["2"]),
                .named(TableColumns(features: ["b", "a"], targets: [])),
            ]
            for choice in choices {
                readTwice(file, measure) { file in
                    let table = try Table(file: file, choosing: choice)
                    let (features, targets) = (table.columns.features.count, table.columns.targets.count)
                    guard table.features.count == 4 * table.count * features, table.targets.allSatisfy(\.isFinite),
                        table.targets.count == table.count * targets
                    else { fatalError("a table with \(table.features.count) bytes of \(table.count) rows") }
                    return bytes(of: table.features)
                        + table.targets.flatMap { value in
                            withUnsafeBytes(of: value) { Array($0) }
                        } + Array(table.columns.json.utf8)
                }
            }
        }, mutate: mutateBytes)

    /// PGM and PPM pictures.
    static let pgm = FuzzTarget(
        name: "pgm", memoryAllowance: inflatedAllowance,
        read: { file, measure in readTwice(file, measure) { try DecodedImage(file: $0).pixels } },
        mutate: mutateBytes)

    /// PNG pictures, by libpng. A row of zeros takes a thousandth of its bytes, and eight times less at one bit a pixel.
    static let png = FuzzTarget(
        name: "png", memoryAllowance: 512 << 20,
        read: { file, measure in readTwice(file, measure) { try DecodedImage(file: $0).pixels } },
        mutate: mutatePicture)

    /// IDX files in gzip, by zlib: what the header promises is bounded by the compressed size.
    static let gzip = FuzzTarget(
        name: "gzip", memoryAllowance: inflatedAllowance,
        read: { file, measure in
            let isGzip = file.starts(with: [0x1f, 0x8b])
            readArray(isGzip ? file : [0x1f, 0x8b] + file, measure) { try IDXReader(file: $0) }
        }, mutate: mutateBytes)

    private static func readArray(
        _ file: [UInt8], _ measure: Measure, _ open: @escaping (InputFile) throws -> any ArrayReader
    ) {
        readTwice(file, measure) { try bytes(of: open($0).readPixels()) }
        measure { _ = answer { try open(InputFile(bytes: file, name: "a")).readPartLabels() } }
    }

    private static func bytes(of buffer: ByteBuffer) -> [UInt8] { buffer.withBytes { Array($0) } }

    /// From memory and, what is accepted and one of 16 others, from a file, in other pieces: the same must come of it.
    private static func readTwice(
        _ file: [UInt8], _ measure: Measure, _ read: @escaping (InputFile) throws -> [UInt8]
    ) {
        var found: [UInt8]?
        measure { found = answer { try read(InputFile(bytes: file, name: "a")) } }
        guard found != nil || file.reduce(0, &+) & 15 == 0 else { return }
        unnamedFile(file) { path in
            var other: [UInt8]?
            measure { other = answer { try read(InputFile(path: path)) } }
            guard other == found else { fatalError("a file and its bytes were read as different things") }
        }
    }

    private static func readArchive(_ file: [UInt8], _ measure: Measure) {
        var names: [String] = []
        measure {
            guard let archive = answer({ try ZipArchive(file: InputFile(bytes: file, name: "a")) }) else { return }
            names = archive.names
        }
        for name in names.prefix(4) where name.hasSuffix(".npy") {
            measure {
                _ = answer {
                    let archive = try ZipArchive(file: InputFile(bytes: file, name: "a"))
                    return try archive.array(String(name.dropLast(4))).readPixels().count
                }
            }
        }
        measure {
            _ = answer {
                try ZipArchive(file: InputFile(bytes: file, name: "a")).array("no such array").readLabels()
            }
        }
    }

    private static func mutateBytes(_ file: inout [UInt8], random: inout SplitMix64, change: Change) { change(&file) }

    /// Bytes anywhere; three times in four the checksums of stored members are mended.
    private static func mutateArchive(_ file: inout [UInt8], random: inout SplitMix64, change: Change) {
        change(&file)
        guard random.next() % 4 != 0 else { return }
        func number(_ place: Int, _ count: Int) -> Int {
            file[place..<place + count].reversed().reduce(0) { $0 << 8 | Int($1) }
        }
        // Entries of the directory, wherever they are.
        for place in file.indices where file[place...].starts(with: [0x50, 0x4b, 1, 2]) && place + 46 <= file.count {
            let (count, header) = (number(place + 20, 4), number(place + 42, 4))
            guard number(place + 10, 2) == 0, header + 30 <= file.count else { continue }
            let begin = header + 30 + number(header + 26, 2) + number(header + 28, 2)
            guard begin + count <= file.count else { continue }
            file.replaceSubrange(place + 16..<place + 20, with: crc32(file[begin..<begin + count]).reversed())
        }
    }

    /// Bytes anywhere; three times in four a PNG's checksums are mended.
    private static func mutatePicture(_ file: inout [UInt8], random: inout SplitMix64, change: Change) {
        change(&file)
        guard file.starts(with: [0x89, 0x50, 0x4e, 0x47]), random.next() % 4 != 0 else { return }
        var place = 8
        while place + 12 <= file.count {
            let count = file[place..<place + 4].reduce(0) { $0 << 8 | Int($1) }
            guard place + 12 + count <= file.count else { return }
            let end = place + 8 + count
            file.replaceSubrange(end..<end + 4, with: crc32(file[place + 4..<end]))
            place = end + 4
        }
    }

    /// Of gzip, zip and PNG; the greatest byte first.
    private static func crc32(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var remainder: UInt32 = ~0
        for byte in bytes {
            remainder ^= UInt32(byte)
            for _ in 0..<8 { remainder = remainder >> 1 ^ (remainder & 1 == 1 ? 0xEDB8_8320 : 0) }
        }
        return withUnsafeBytes(of: (~remainder).bigEndian) { Array($0) }
    }
}
