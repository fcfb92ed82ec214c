import CZlib
import DataLoading
import Errors
import Foundation
import Testing

/// A `.npy` file, version 1.
func npy(_ descr: String, _ shape: [Int], _ payload: [UInt8], fortran: Bool = false, version: UInt8 = 1) -> [UInt8] {
    let extents = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
    return npy(
        header: "{'descr': '\(descr)', 'fortran_order': \(fortran ? "True" : "False"), 'shape': (\(extents)), }",
        payload, version: version)
}

func npy(header: String, _ payload: [UInt8], version: UInt8 = 1) -> [UInt8] {
    let length = header.utf8.count + 1
    let count = (0..<(version == 1 ? 2 : 4)).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) }
    return [0x93] + Array("NUMPY".utf8) + [version, 0] + count + Array(header.utf8) + [0x0a] + payload
}

/// A zip archive; `deflated` members are compressed.
func zip(_ members: [(name: String, bytes: [UInt8])], deflated: Bool) -> [UInt8] {
    func word(_ value: Int) -> [UInt8] { [UInt8(truncatingIfNeeded: value), UInt8(truncatingIfNeeded: value >> 8)] }
    func long(_ value: Int) -> [UInt8] { word(value) + word(value >> 16) }
    var body: [UInt8] = []
    var directory: [UInt8] = []
    for member in members {
        // A gzip member without its header of 10 bytes and its trailer of 8 is bare deflate.
        let packed = deflated ? Array(gzip(member.bytes).dropFirst(10).dropLast(8)) : member.bytes
        let checksum = Int(crc32(0, member.bytes, UInt32(member.bytes.count)))
        let common =
            word(20) + word(0) + word(deflated ? 8 : 0) + word(0) + word(0x21) + long(checksum) + long(packed.count)
            + long(member.bytes.count) + word(member.name.utf8.count) + word(0)
        directory += [0x50, 0x4b, 1, 2] + word(20) + common + word(0) + word(0) + word(0) + long(0) + long(body.count)
        directory += Array(member.name.utf8)
        body += [0x50, 0x4b, 3, 4] + common + Array(member.name.utf8) + packed
    }
    return body + directory + [0x50, 0x4b, 5, 6] + long(0) + word(members.count) + word(members.count)
        + long(directory.count) + long(body.count) + word(0)
}

struct NumPyTests {
    static func reader(_ bytes: [UInt8]) throws -> NPYReader {
        try NPYReader(file: InputFile(bytes: bytes, name: "array"))
    }

    static func values(_ bytes: [UInt8]) throws -> [Double] {
        var values: [Double] = []
        try reader(bytes).forEachElement { index, value in
            #expect(index == values.count)
            values.append(value)
        }
        return values
    }

    /// NumPy's own bytes of `numpy.arange(-2, 4).astype(TYPE)` and the like.
    static let types: [(descr: String, payload: [UInt8], values: [Double])] = [
        ("|u1", [0, 7, 255], [0, 7, 255]), ("|b1", [0, 1, 1], [0, 1, 1]), ("|i1", [0xfe, 0, 127], [-2, 0, 127]),
        ("<u2", [1, 0, 0, 1], [1, 256]), (">u2", [1, 0, 0, 1], [256, 1]), ("<i2", [0xff, 0xff, 2, 0], [-1, 2]),
        ("<i4", [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0x80], [-1, -2_147_483_648]),
        ("<u4", [0xff, 0xff, 0xff, 0xff], [4_294_967_295]), (">i4", [0, 0, 1, 2], [258]),
        ("<i8", [5, 0, 0, 0, 0, 0, 0, 0], [5]), ("<u8", [0, 0, 0, 0, 0, 0, 0, 0x80], [0x1p63]),
        ("<f4", [0, 0, 0x80, 0x3f, 0, 0, 0, 0xbf], [1, -0.5]), (">f4", [0x3f, 0x80, 0, 0], [1]),
        ("<f8", [0, 0, 0, 0, 0, 0, 0xf8, 0x3f], [1.5]), (">f8", [0x3f, 0xf8, 0, 0, 0, 0, 0, 0], [1.5]),
    ]

    @Test(arguments: types.indices)
    func elementTypes(_ index: Int) throws {
        let (descr, payload, values) = Self.types[index]
        for version in UInt8(1)...3 {
            #expect(try Self.values(npy(descr, [values.count], payload, version: version)) == values)
            #expect(try Self.values(gzip(npy(descr, [1, values.count, 1], payload, version: version))) == values)
        }
    }

    @Test func headersAsPythonWritesThem() throws {
        for header in [
            "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }          ",
            "{\"shape\":(2,3),\"fortran_order\":False,\"descr\":\"|u1\"}",
            "{'shape': (2L, 3L), 'descr': '|u1', 'fortran_order': False}",
        ] {
            #expect(try Self.reader(npy(header: header, [1, 2, 3, 4, 5, 6])).dimensions == [2, 3])
        }
        // Order has no meaning in one dimension.
        #expect(try Self.values(npy("|u1", [3], [1, 2, 3], fortran: true)) == [1, 2, 3])
        #expect(
            try Self.reader(npy(header: "{'descr': '|u1', 'fortran_order': False, 'shape': ()}", [9])).dimensions == [])
    }

    static let refusals: [(String, [UInt8], String)] = [
        ("empty", [], "ends inside its header"),
        ("zip", [0x50, 0x4b, 3, 4, 0, 0, 0, 0], "begins with bytes 50 4b 03 04"),
        ("version 0", npy("|u1", [1], [0], version: 1).replacing(6, with: 0), "version 0.0"),
        ("version 4", npy("|u1", [1], [0], version: 1).replacing(6, with: 4), "version 4.0"),
        ("long header", npy("|u1", [1], [0], version: 2).replacing(10, with: 9), "header of"),
        ("fortran", npy("|u1", [2, 3], [1, 2, 3, 4, 5, 6], fortran: true), "Fortran's order"),
        ("strings", npy("<U3", [1], [0]), "type '<U3' cannot be read"),
        ("halves", npy("<f2", [1], [0, 0]), "type '<f2'"),
        ("complex", npy("<c8", [1], [0]), "type '<c8'"), ("wide bytes", npy("|u4", [1], [0]), "type '|u4'"),
        (
            "structure", npy(header: "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", [0]),
            "structured"
        ),
        ("one byte less", npy("|u1", [2, 3], [1, 2, 3, 4, 5]), "promises |u1 [2 × 3], more than"),
        ("one byte more", npy("|u1", [2, 3], [1, 2, 3, 4, 5, 6, 7]), "holds more than the |u1 [2 × 3]"),
        ("absurd", npy("|u1", [4_000_000_000, 28, 28], [1]), "promises |u1 [4,000,000,000 × 28 × 28]"),
        ("overflow", npy("<f8", [1 << 40, 1 << 40, 1 << 40], [1]), "more than the file's"),
        ("absurd gzip", gzip(npy("|u1", [4_000_000_000, 28, 28], [1])), "more than the file's"),
        ("negative", npy(header: "{'descr': '|u1', 'fortran_order': False, 'shape': (-1,)}", [0]), "no whole number"),
        ("no shape", npy(header: "{'descr': '|u1', 'fortran_order': False}", [0]), "lacks descr"),
        ("two shapes", npy(header: "{'shape': (1,), 'shape': (1,)}", [0]), "repeated key 'shape'"),
        ("unknown key", npy(header: "{'colour': 1}", [0]), "unknown or repeated key 'colour'"),
        ("text behind", npy(header: "{'descr': '|u1', 'fortran_order': False, 'shape': (1,)} x", [0]), "text behind"),
        ("deep", npy("|u1", [Int](repeating: 1, count: 9), [0]), "more than 8 dimensions"),
        ("no end", npy(header: "{'descr': '|u1", [0]), "a text without its end"),
    ]

    @Test(arguments: refusals.indices)
    func refused(_ index: Int) throws {
        let (name, bytes, message) = Self.refusals[index]
        let failure = #expect(throws: Failure.self, "\(name)") { _ = try Self.values(bytes) }
        #expect(failure?.kind == .data)
        #expect(failure?.message.hasPrefix("array: ") == true)
        #expect(failure?.message.contains(message) == true, "\(name): \(failure?.message ?? "")")
    }

    @Test func everyTruncationAndEveryFlippedBit() throws {
        let content = npy("<i2", [3, 2], [1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0])
        for length in 0..<content.count {
            #expect(throws: Failure.self) { _ = try Self.values(Array(content.prefix(length))) }
        }
        let headerByteCount = content.count - 12
        for bit in 0..<8 * headerByteCount {
            var bytes = content
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            // Another type of the same width or blanks may pass; nothing crashes, and no more is read than there is.
            if let values = try? Self.values(bytes) { #expect(values.count <= 12) }
        }
    }

    @Test(arguments: [false, true])
    func archives(deflated: Bool) throws {
        let images = npy("|u1", [2, 2, 3], Array(1...12))
        let labels = npy("<i8", [2], [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
        let members = [
            ("x_train.npy", images), ("y_train.npy", labels), ("x_test.npy", images), ("y_test.npy", labels),
        ]
        let bytes = zip(members, deflated: deflated)
        let archive = try ZipArchive(file: InputFile(bytes: bytes, name: "archive"))
        #expect(archive.names == members.map(\.0))
        #expect(try archive.array("x_train").readPixels().copy == Array(1...12))
        #expect(try archive.array("y_test").readLabels() == [1, 0])
        let missing = #expect(throws: Failure.self) { _ = try archive.array("x") }
        #expect(missing?.message.contains("holds no array x; it holds x_train.npy") == true)

        // A data set: named itself, or as the only archive of a folder.
        let folder = try TemporaryFolder()
        let path = try folder.write("digits/own.npz", bytes)
        for name in [path, folder.path + "/digits"] {
            let data = try DatasetCatalogue.locate(name: name, environment: [:]).load()
            #expect(data.imageShape == (2, 3, 1))
            #expect(data.train.labels == [1, 0])
            #expect(data.test.image(1) == [7, 8, 9, 10, 11, 12])
        }
    }

    /// Whatever is cut off or flipped: a refusal, or arrays with their checksums right.
    @Test(arguments: [false, true])
    func hostileArchives(deflated: Bool) throws {
        let images = npy("|u1", [1, 2, 3], [9, 8, 7, 6, 5, 4])
        let good = zip([("a.npy", images)], deflated: deflated)
        func read(_ bytes: [UInt8]) throws -> [UInt8] {
            try ZipArchive(file: InputFile(bytes: bytes, name: "archive")).array("a").readPixels().copy
        }
        #expect(try read(good) == [9, 8, 7, 6, 5, 4])
        for length in 0..<good.count { #expect(throws: Failure.self) { _ = try read(Array(good.prefix(length))) } }
        var passedCount = 0
        for bit in 0..<8 * good.count {
            var bytes = good
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            do {
                // Times and versions do not matter.
                #expect(try read(bytes) == [9, 8, 7, 6, 5, 4])
                passedCount += 1
            } catch let failure as Failure {
                #expect(failure.kind == .data)
                #expect(!failure.message.contains("\n"))
            }
        }
        #expect(passedCount < 8 * good.count / 2)
    }

    /// Kuzushiji-MNIST's archives have one array each, called arr_0.
    @Test func archivesOfOneArray() throws {
        let folder = try TemporaryFolder()
        for (name, bytes) in [
            ("imgs", npy("|u1", [2, 2, 2], Array(0..<8))), ("labels", npy("|u1", [2], [0, 1])),
        ] {
            for part in ["train", "test"] {
                try folder.write("kmnist/kmnist-\(part)-\(name).npz", zip([("arr_0.npy", bytes)], deflated: true))
            }
        }
        let location = try DatasetCatalogue.locate(name: "kmnist", environment: ["LOCKSTEP_DATA": folder.path])
        #expect(try location.load().train.labels == [0, 1])
        try FileManager.default.removeItem(atPath: folder.path + "/kmnist/kmnist-test-labels.npz")
        let failure = #expect(throws: Failure.self) {
            _ = try DatasetCatalogue.locate(name: "kmnist", environment: ["LOCKSTEP_DATA": folder.path])
        }
        #expect(failure?.message.contains("has no kmnist-test-labels.npz") == true)
    }

    @Test func singleArrayFiles() throws {
        let folder = try TemporaryFolder()
        // Floats k/255, and labels of 64 bits, as NumPy makes them by itself.
        let pixels = (0..<8).flatMap { index in
            withUnsafeBytes(of: (Float(index * 3) / 255).bitPattern.littleEndian, Array.init)
        }
        for part in ["train", "test"] {
            try folder.write("own/x_\(part).npy", npy("<f4", [2, 2, 2], pixels))
            try folder.write("own/y_\(part).npy", npy("<i4", [2, 1], [2, 0, 0, 0, 0, 0, 0, 0]))
        }
        let data = try DatasetCatalogue.locate(name: folder.path + "/own", environment: [:]).load()
        #expect(data.train.pixels.copy == (0..<8).map { UInt8($0 * 3) })
        #expect(data.test.labels == [2, 0])
    }
}

extension [UInt8] {
    func replacing(_ index: Int, with byte: UInt8) -> [UInt8] {
        var copy = self
        copy[index] = byte
        return copy
    }
}
