import Errors
import KernelContract

#if canImport(Glibc)
    import Glibc
#endif
#if arch(arm64)
    import KernelsNEON
#else
    import KernelsAVX2
    import KernelsAVX512
#endif

/// Which copy of the kernels runs: the best that the processor has, or the one that `LOCKSTEP_ISA` names.
package enum KernelSelection {
    /// The compiled copies that this processor can run, best first, then the slow twins.
    package static var available: [any KernelSet] {
        #if arch(arm64)
            return [KernelsNEON.VariantKernels(), ReferenceKernels()]
        #else
            let features = processorFeatures()
            var sets: [any KernelSet] = []
            if features.isSuperset(of: avx512Features) { sets.append(KernelsAVX512.VariantKernels()) }
            if features.isSuperset(of: avx2Features) { sets.append(KernelsAVX2.VariantKernels()) }
            return sets + [ReferenceKernels()]
        #endif
    }

    /// - Parameter environment: `LOCKSTEP_ISA` is `avx2`, `avx512`, `neon` or `reference`.
    /// - Throws: `Failure(.usage)` for an unknown name, `Failure(.internal)` where the processor lacks the set.
    package static func select(environment: [String: String]) throws -> any KernelSet {
        let available = available
        guard let name = environment["LOCKSTEP_ISA"], !name.isEmpty else {
            guard let best = available.first, best.instructionSet != .reference else {
                throw Failure(
                    .internal,
                    "this processor has neither AVX-512 nor AVX2 with FMA; LOCKSTEP_ISA=reference runs slow portable code"
                )
            }
            return best
        }
        guard let wanted = InstructionSet(rawValue: name.lowercased()) else {
            let names = InstructionSet.allCases.map(\.rawValue).joined(separator: ", ")
            throw Failure(.usage, "LOCKSTEP_ISA=\(name) is unknown; it may be one of \(names)")
        }
        guard let match = available.first(where: { $0.instructionSet == wanted }) else {
            let names = available.map(\.instructionSet.rawValue).joined(separator: ", ")
            throw Failure(.usage, "LOCKSTEP_ISA=\(name) asks for what this processor lacks; it has \(names)")
        }
        return match
    }

    #if !arch(arm64)
        /// x86-64-v3 and x86-64-v4 of the psABI, as Linux spells them. The kernel clears what it does not enable.
        private static let avx2Features: Set = ["avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe"]
        private static let avx512Features = avx2Features.union([
            "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl",
        ])

        private static func processorFeatures() -> Set<String> {
            guard let file = fopen("/proc/cpuinfo", "r") else { return [] }
            defer { fclose(file) }
            var line: UnsafeMutablePointer<CChar>?
            var capacity = 0
            defer { free(line) }
            while getline(&line, &capacity, file) > 0, let text = line.map({ String(cString: $0) }) {
                guard text.hasPrefix("flags") else { continue }
                return Set(text.split(whereSeparator: \.isWhitespace).map(String.init))
            }
            return []
        }
    #endif
}
