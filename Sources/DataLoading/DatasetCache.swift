import Crypto
import Errors
import Files
import Glibc

/// Decoded data sets in files that are mapped into memory: opened in milliseconds, and held once by all processes of a
/// host.
///
/// | bytes | what |
/// | --- | --- |
/// | header | lines of text (`CacheHeader`), filled up with zeros to a multiple of 4,096 |
/// | sections | for each part pixels, labels and, of QMNIST, rows of extended labels (little-endian); each begins at a multiple of 4,096 |
///
/// A file belongs to its sources by their paths, sizes and times; when one changes it is made anew. It comes to its place
/// whole and is never changed there, so that maps stay valid.
package struct DatasetCache: Sendable {
    /// Smaller data sets are decoded sooner than looked up.
    package static let smallestByteCount = 16 << 20

    package let folder: String

    package init(folder: String) { self.folder = folder }

    /// `$LOCKSTEP_CACHE` (a folder, or `off`), by default `$XDG_CACHE_HOME/lockstep` or `~/.cache/lockstep`.
    package init?(environment: [String: String]) {
        if let path = environment["LOCKSTEP_CACHE"], !path.isEmpty {
            guard path != "off" else { return nil }
            folder = path
        } else if let path = environment["XDG_CACHE_HOME"], path.hasPrefix("/") {
            folder = DatasetCatalogue.join(path, "lockstep")
        } else if let home = environment["HOME"], home.hasPrefix("/") {
            folder = DatasetCatalogue.join(home, ".cache/lockstep")
        } else {
            return nil
        }
    }

    /// Where the decoded form of `location` lies, once it is there; of changed files in the same place.
    package func path(of location: DatasetLocation) throws -> String {
        "\(folder)/\(location.name)-\(try location.sourceSignature(state: false).prefix(16)).cache"
    }

    /// The data set from its cache, which is made where it is missing or worn. What keeps it from being made (a full
    /// disk, a folder that cannot be written) is no failure: then the data are decoded as without a cache.
    /// - Parameter isShared: Other processes of this host load it too; its pixels are held once for all.
    package func load(_ location: DatasetLocation, isShared: Bool = false) throws -> ImageDataset {
        let signature = try location.sourceSignature()
        let path = try path(of: location)
        func cached() throws -> ImageDataset {
            try Self.open(path, signature: signature, location, isShared: isShared)
        }
        if let dataset = try? cached() { return dataset }
        if location.isSynthetic && location.syntheticByteCount < Self.smallestByteCount { return try location.load() }

        // One process makes it; the others wait and find it. The lock ends with its process: a `.lock` file that a killed one
        // leaves is empty, holds nobody up, and is removed by the next that makes this cache, or by `clear`.
        guard (try? OutputFolder.make(folder)) != nil else { return try location.load() }
        guard let lock = try? FileLock(path + ".lock", patience: .untilFree) else { return try location.load() }
        defer {
            unlink(path + ".lock")
            lock.release()
        }
        if let dataset = try? cached() { return dataset }
        if location.isSynthetic {
            guard (try? Self.writeSynthetic(location, signature: signature, to: path)) != nil else {
                return try location.load()
            }
        } else {
            let dataset = try location.load()
            let parts = [dataset.train, dataset.test] + (dataset.validation.map { [$0] } ?? [])
            guard parts.reduce(0, { $0 + $1.pixels.count }) >= Self.smallestByteCount,
                (try? Self.write(dataset, signature: signature, to: path)) != nil
            else { return dataset }
        }
        return try (try? cached()) ?? location.load()
    }

    /// The files that are there, with their sizes.
    package func files() throws -> [(name: String, byteCount: Int)] {
        guard try DatasetFolder.mode(folder) != nil else { return [] }
        return try FolderListing.items(folder).filter { !$0.isFolder && $0.name.hasSuffix(".cache") }.map {
            ($0.name, try InputFile(path: "\(folder)/\($0.name)").byteCount)
        }
    }

    /// Removes all of them; who has mapped one keeps what he has.
    package func clear() throws {
        for file in try files() where unlink("\(folder)/\(file.name)") != 0 && errno != ENOENT {
            throw Failure.writing("\(folder)/\(file.name)", errno)
        }
        for name in try lockFiles() {
            guard let lock = try? FileLock("\(folder)/\(name)", isNew: false) else { continue }
            unlink("\(folder)/\(name)")
            lock.release()
        }
    }

    /// Of processes that make a cache now, or were killed while they did.
    private func lockFiles() throws -> [String] {
        guard try DatasetFolder.mode(folder) != nil else { return [] }
        return try FolderListing.items(folder).filter { !$0.isFolder && $0.name.hasSuffix(".cache.lock") }.map(\.name)
    }

    /// The mapped data set in the file at `path`.
    /// - Throws: Where the file is not there, is damaged or belongs to other sources.
    static func open(
        _ path: String, signature: String, _ location: DatasetLocation, isShared: Bool
    ) throws -> ImageDataset {
        let file = try InputFile(path: path)
        let header = try CacheHeader(file: file)
        guard header.signature == signature else {
            throw Failure(.data, "\(path): belongs to other files, or to an earlier state of them")
        }
        var dataset = try header.dataset(file, name: location.name, isShared: isShared)
        dataset.knownIdentity = header.identity
        return dataset
    }

    private static func write(_ dataset: ImageDataset, signature: String, to path: String) throws {
        let parts = [dataset.train, dataset.test] + (dataset.validation.map { [$0] } ?? [])
        let header = CacheHeader(
            signature: signature, identity: dataset.computedIdentity, height: dataset.train.height,
            width: dataset.train.width,
            channels: dataset.train.channels, classCount: dataset.classCount, classNames: dataset.classNames,
            parts: parts.map { CacheHeader.Part(count: $0.count, hasOrigins: $0.origins != nil) })
        try CacheWriter(path: path, header: header).write { section in
            let part = parts[section.part]
            switch section.kind {
            case .pixels: try part.pixels.withBytes { try section.put(UnsafeRawBufferPointer($0)) }
            case .labels: try part.labels.withUnsafeBytes(section.put)
            case .origins:
                try (part.origins?.rows ?? []).map(\.littleEndian).withUnsafeBytes(section.put)
            }
        }
    }

    /// Draws straight into the file: never more than a thousand pictures in memory.
    private static func writeSynthetic(_ location: DatasetLocation, signature: String, to path: String) throws {
        let parts = [location.train, location.test].compactMap { source in
            if case .synthetic(let part)? = source { part } else { nil as SyntheticDigits.Part? }
        }
        let size = SyntheticDigits.side * SyntheticDigits.side
        var header = CacheHeader(
            signature: signature, identity: String(repeating: "0", count: 64), height: SyntheticDigits.side,
            width: SyntheticDigits.side, channels: 1, classCount: location.classNames.count,
            classNames: location.classNames, parts: parts.map { CacheHeader.Part(count: $0.count, hasOrigins: false) })
        let writer = CacheWriter(path: path, header: header)
        try writer.write(
            sections: { section in
                let part = parts[section.part]
                let chunk = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 1_000 * size)
                defer { chunk.deallocate() }
                for begin in stride(from: 0, to: part.count, by: 1_000) {
                    let count = min(1_000, part.count - begin)
                    if section.kind == .labels {
                        for sample in 0..<count { chunk[sample] = part.label(of: begin + sample) }
                        try section.put(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(chunk)[..<count]))
                    } else {
                        for sample in 0..<count {
                            part.draw(
                                begin + sample,
                                into: UnsafeMutableBufferPointer(rebasing: chunk[sample * size..<(sample + 1) * size]))
                        }
                        try section.put(
                            UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(chunk)[..<(count * size)]))
                    }
                }
            },
            finalHeader: { file in
                header.identity = try header.dataset(file, name: location.name).computedIdentity
                return header
            })
    }
}

extension DatasetLocation {
    /// SHA-256 over what decides the decoded data: names of the files, rows and class names; with `state` also the
    /// files' sizes and times.
    package func sourceSignature(state: Bool = true) throws -> String {
        var lines = ["lockstep decoded data 1", name, "\(testRows.map { "\($0)" } ?? "all rows")"] + classNames
        for source in [train, test, validation] {
            lines.append("part")
            for path in try source?.signaturePaths(state: state) ?? [] {
                guard case .synthetic(let part)? = source else {
                    var status = stat()
                    guard stat(path, &status) == 0 else {
                        throw Failure(.inputOutput, "\(path): cannot be examined (\(systemErrorText()))")
                    }
                    let real = realpath(path, nil)
                    defer { free(real) }
                    let times = [status.st_mtim, status.st_ctim].map { "\($0.tv_sec).\($0.tv_nsec)" }
                    lines.append(real.map { String(cString: $0) } ?? path)
                    if state { lines.append("\(status.st_size) \(status.st_ino) \(times)") }
                    continue
                }
                lines.append("\(path) \(part.signature)")
            }
            if case .arrays(let images, let labels)? = source { lines.append("\(images) \(labels)") }
        }
        return SHA256.hash(data: Array(lines.joined(separator: "\n").utf8)).map(hexadecimal).joined()
    }

    var isSynthetic: Bool { if case .synthetic = train { true } else { false } }

    var syntheticByteCount: Int {
        [train, test].reduce(0) { total, source in
            if case .synthetic(let part)? = source {
                total + part.count * SyntheticDigits.side * SyntheticDigits.side
            } else {
                total
            }
        }
    }
}

extension PartSource {
    fileprivate func signaturePaths(state: Bool) throws -> [String] {
        switch self {
        case .arrays, .csv: paths
        case .synthetic: [SyntheticDigits.name]
        case .folder(let path) where !state: [path]
        case .folder(let path):
            try FolderListing.items(path).filter(\.isFolder).flatMap { folder in
                try FolderListing.items("\(path)/\(folder.name)").map { "\(path)/\(folder.name)/\($0.name)" }
            }
        }
    }
}
