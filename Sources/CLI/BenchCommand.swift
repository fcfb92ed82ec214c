import ArgumentParser

struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measure kernels, training steps and how they scale.",
        subcommands: [Gemm.self, Step.self, AllReduce.self, Scaling.self])
}
