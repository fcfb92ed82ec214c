import CLiveBytes
import FuzzTargets
import Glibc

// What libFuzzer calls. Built by `launch/fuzz` alone: `-sanitize=fuzzer` brings `main`.

/// Of the target that LOCKSTEP_FUZZ_TARGET names.
private let target: FuzzTarget = {
    let name = getenv("LOCKSTEP_FUZZ_TARGET").map { String(cString: $0) } ?? ""
    guard let target = FuzzTarget.all.first(where: { $0.name == name }) else {
        fatalError("LOCKSTEP_FUZZ_TARGET=\(name): it may be \(FuzzTarget.all.map(\.name).joined(separator: ", "))")
    }
    return target
}()

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let file = Array(UnsafeBufferPointer(start: data, count: count))
    let allowance = count + target.memoryAllowance
    target.read(file) { reading in
        _ = live_bytes_take_peak()
        let before = live_bytes()
        reading()
        let taken = live_bytes_take_peak() - before
        guard taken <= allowance else { fatalError("\(count) bytes were read with \(taken) bytes of memory") }
    }
    return 0
}

@_silgen_name("LLVMFuzzerMutate")
private func libFuzzerMutate(_ data: UnsafeMutablePointer<UInt8>, _ count: Int, _ capacity: Int) -> Int

@_cdecl("LLVMFuzzerCustomMutator")
public func mutate(_ data: UnsafeMutablePointer<UInt8>, _ count: Int, _ capacity: Int, _ seed: CUnsignedInt) -> Int {
    var file = Array(UnsafeBufferPointer(start: data, count: count))
    var random = SplitMix64(state: UInt64(seed))
    target.mutate(&file, &random) { part in
        // Room for the rest of the file and for what this part may grow to.
        let room = max(part.count, part.count + capacity - count)
        let used = part.count
        part += [UInt8](repeating: 0, count: room - used)
        let changed = part.withUnsafeMutableBufferPointer { libFuzzerMutate($0.baseAddress!, used, room) }
        part.removeLast(room - changed)
    }
    let kept = min(file.count, capacity)
    file.withUnsafeBufferPointer { if let base = $0.baseAddress { data.update(from: base, count: kept) } }
    return kept
}
