import Errors
import Glibc

/// What lies in a folder, in an order that depends on nothing but the names.
enum FolderListing {
    struct Item: Equatable {
        let name: String
        let isFolder: Bool
    }

    /// Names that begin with a dot are left out.
    static func items(_ path: String) throws -> [Item] {
        guard let folder = opendir(path) else {
            throw Failure(
                errno == ENOENT || errno == ENOTDIR ? .inputNotFound : .inputOutput,
                "\(path): cannot be listed (\(systemErrorText()))")
        }
        defer { closedir(folder) }
        var items: [Item] = []
        while true {
            errno = 0
            guard let entry = readdir(folder) else {
                guard errno == 0 else {
                    throw Failure(.inputOutput, "\(path): cannot be listed (\(systemErrorText()))")
                }
                break
            }
            let name = withUnsafeBytes(of: entry.pointee.d_name) { raw in
                String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.hasPrefix(".") { continue }
            var status = stat()
            guard stat("\(path)/\(name)", &status) == 0 else { continue }
            items.append(Item(name: name, isFolder: status.st_mode & S_IFMT == S_IFDIR))
        }
        return items.sorted { precedes($0.name, $1.name) }
    }

    /// Numbers by value and before words; words by their bytes.
    static func precedes(_ a: String, _ b: String) -> Bool {
        switch (number(a), number(b)) {
        case (let x?, let y?) where x != y: x < y
        case (nil, _?): false
        case (_?, nil): true
        default: Array(a.utf8).lexicographicallyPrecedes(Array(b.utf8))
        }
    }

    /// The number that a name is, up to its last dot.
    private static func number(_ name: String) -> Int? {
        let stem = name.split(separator: ".", omittingEmptySubsequences: false).first.map(String.init) ?? name
        guard !stem.isEmpty, stem.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int(stem)
    }
}
