import Glibc

// The C library declares these for GNU programs only, so Swift does not import them.
@_silgen_name("sched_getaffinity")
private func schedGetAffinity(_ thread: pid_t, _ byteCount: Int, _ set: UnsafeMutablePointer<cpu_set_t>) -> Int32
@_silgen_name("sched_setaffinity")
private func schedSetAffinity(_ thread: pid_t, _ byteCount: Int, _ set: UnsafePointer<cpu_set_t>) -> Int32

/// The processors that this process may run on.
package struct ProcessorSet: Hashable, Sendable {
    /// One bit for each processor, 64 in a word.
    let words: [UInt64]

    init(words: [UInt64]) { self.words = words }

    /// The calling thread's allowed processors; empty when the system does not say (more than 1,024 processors).
    package static func allowed() -> ProcessorSet {
        var set = cpu_set_t()
        guard schedGetAffinity(0, MemoryLayout<cpu_set_t>.size, &set) == 0 else { return ProcessorSet(words: []) }
        return ProcessorSet(words: withUnsafeBytes(of: &set) { Array($0.bindMemory(to: UInt64.self)) })
    }

    /// For sending to other ranks.
    var bytes: [UInt8] { words.flatMap { word in withUnsafeBytes(of: word) { Array($0) } } }

    init(bytes: [UInt8]) {
        words = stride(from: 0, to: bytes.count - bytes.count % 8, by: 8).map { start in
            bytes[start..<start + 8].withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
        }
    }

    package var count: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }

    /// The numbers of the processors, ascending.
    var processors: [Int] {
        words.indices.flatMap { word in (0..<64).filter { words[word] >> $0 & 1 == 1 }.map { word * 64 + $0 } }
    }

    func union(_ other: ProcessorSet) -> ProcessorSet {
        let (long, short) = words.count >= other.words.count ? (words, other.words) : (other.words, words)
        return ProcessorSet(words: long.indices.map { long[$0] | ($0 < short.count ? short[$0] : 0) })
    }

    /// Binds the calling thread to one processor. A refusal costs speed only and is ignored.
    static func bindCallingThread(to processor: Int) {
        var set = cpu_set_t()
        withUnsafeMutableBytes(of: &set) {
            $0.bindMemory(to: UInt64.self)[processor / 64] = 1 << UInt64(processor % 64)
        }
        _ = schedSetAffinity(0, MemoryLayout<cpu_set_t>.size, &set)
    }
}
