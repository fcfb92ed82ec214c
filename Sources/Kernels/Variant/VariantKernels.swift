import KernelContract

/// The kernels as compiled for one instruction set. docs/KERNELS.md says what was measured.
package struct VariantKernels: KernelSet {
    package init() {}

    package var instructionSet: InstructionSet {
        #if AVX512
            .avx512
        #elseif AVX2
            .avx2
        #else
            .neon
        #endif
    }
}
