// swift-tools-version: 6.2
import PackageDescription

// Every target: Swift 6 mode, warnings as errors. `-fno-math-errno` lets `squareRoot()` be one instruction.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .unsafeFlags(["-Xcc", "-fno-math-errno"]),
]

/// For what runs for a moment: tests that start programs or look at texts. It compiles in a fraction of the time.
let unoptimized = strict + [.unsafeFlags(["-Onone"])]

// `launch/test` sets it for the build without MPI, which runs short trainings only and must have the same bits.
let common = Context.environment["LOCKSTEP_UNOPTIMIZED"] == nil ? strict : unoptimized

/// Flags of one compiled copy of the kernels: optimised in debug builds too, with its instruction set and no other.
func kernelSettings(_ define: String, _ flags: [String]) -> [SwiftSetting] {
    common + [.define(define), .unsafeFlags(["-Ounchecked"] + flags)]
}

// One source in Sources/Kernels/Variant, compiled once per instruction set (the variants' folders hold symbolic links).
#if arch(arm64)
    let variants: [Target] = [
        .target(
            name: "KernelsNEON", dependencies: ["CMachine", "KernelContract"],
            swiftSettings: kernelSettings("NEON", []))
    ]
#else
    let variants: [Target] = [
        .target(
            name: "KernelsAVX2", dependencies: ["CMachine", "KernelContract"],
            swiftSettings: kernelSettings("AVX2", ["-Xcc", "-march=x86-64-v3"])),
        .target(
            name: "KernelsAVX512", dependencies: ["CMachine", "KernelContract"],
            swiftSettings: kernelSettings("AVX512", ["-Xcc", "-march=x86-64-v4"])),
    ]
#endif

// Which MPI, by its name in pkg-config: Open MPI, or with LOCKSTEP_MPI=mpich MPICH (`launch/test --mpich`).
let mpi =
    Context.environment["LOCKSTEP_MPI"] == "mpich"
    ? (package: "mpich", debian: "libmpich-dev") : (package: "ompi-c", debian: "libopenmpi-dev")

// `launch/fuzz` sets it: libFuzzer's `main` and its instrumentation are not for the ordinary build.
let fuzzing: [Target] =
    Context.environment["LOCKSTEP_FUZZ"] == nil
    ? []
    : [
        .target(name: "CLiveBytes", path: "Tests/Fuzzing/CLiveBytes"),
        .executableTarget(
            name: "Fuzzer", dependencies: ["CLiveBytes", "FuzzTargets"], path: "Tests/Fuzzing/Fuzzer",
            swiftSettings: common + [.unsafeFlags(["-parse-as-library"])]),
    ]

let package = Package(
    name: "lockstep",
    products: [
        .executable(name: "lockstep", targets: ["CLI"]),
        .library(name: "Lockstep", targets: ["Lockstep"]),
        .executable(name: "fashion-mnist-example", targets: ["FashionMNIST"]),
    ],
    traits: [
        .trait(name: "MPI", description: "Several processes under mpirun (needs libopenmpi-dev)."),
        .default(enabledTraits: ["MPI"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-crypto", "3.12.0"..<"5.0.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/swhitty/FlyingFox", "0.27.1"..<"0.28.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.0.0"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
    ],
    targets: variants + fuzzing + [
        // Level 0
        .systemLibrary(name: "CMPI", pkgConfig: mpi.package, providers: [.apt([mpi.debian])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
        .systemLibrary(name: "CMachine"),
        .target(name: "Errors", swiftSettings: common),
        .target(name: "Files", dependencies: ["Errors"], swiftSettings: common),
        .target(name: "Tensors", swiftSettings: common),
        .target(name: "Numerics", swiftSettings: common),
        .target(name: "Randomness", dependencies: ["Numerics"], swiftSettings: common),
        .target(name: "KernelContract", dependencies: ["CMachine"], swiftSettings: common),

        // Level 1
        .target(
            name: "Kernels",
            dependencies: ["Errors", "KernelContract", "Numerics", "Randomness", "Tensors"]
                + variants.map { .target(name: $0.name) },
            exclude: ["Variant"], swiftSettings: common),
        .target(
            name: "Communication",
            dependencies: [
                "CMachine", "Errors", "KernelContract", "Tensors",
                .target(name: "CMPI", condition: .when(traits: ["MPI"])),
            ], swiftSettings: common),
        .target(
            name: "Checkpoints",
            dependencies: ["Errors", "Files", "Tensors", .product(name: "Crypto", package: "swift-crypto")],
            swiftSettings: common),
        .target(
            name: "DataLoading",
            dependencies: [
                "CMachine", "CPNG", "CZlib", "Errors", "Files", "Numerics", "Randomness",
                .product(name: "Crypto", package: "swift-crypto"),
            ], swiftSettings: common),

        // Level 2
        .target(
            name: "Models", dependencies: ["Errors", "KernelContract", "Numerics", "Randomness", "Tensors"],
            swiftSettings: common),
        .target(
            name: "Optimizers", dependencies: ["Errors", "KernelContract", "Numerics", "Tensors"], swiftSettings: common
        ),

        // Level 3
        .target(
            name: "Training",
            dependencies: [
                "Checkpoints", "CMachine", "Communication", "DataLoading", "Errors", "Files", "KernelContract",
                "Kernels", "Models", "Optimizers", "Randomness", "Tensors", "Yams",
            ], swiftSettings: common),
        .target(
            name: "Understanding",
            dependencies: ["Errors", "KernelContract", "Kernels", "Models", "Randomness", "Tensors"],
            swiftSettings: common),

        .target(
            name: "Sweeps",
            dependencies: [
                "Communication", "DataLoading", "Errors", "Files", "KernelContract", "Models", "Numerics",
                "Optimizers", "Randomness", "Tensors", "Training", "Yams",
                .product(name: "GRDB", package: "GRDB.swift"),
            ], swiftSettings: common),

        .target(
            name: "Reports",
            dependencies: [
                "Checkpoints", "Communication", "CPNG", "DataLoading", "Errors", "Files", "KernelContract", "Models",
                "Numerics", "Randomness", "Sweeps", "Tensors", "Training",
                .product(name: "FlyingFox", package: "FlyingFox"),
                .product(name: "FlyingSocks", package: "FlyingFox"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ], exclude: ["Protocols/onnx.proto", "Protocols/tensorboard.proto"], swiftSettings: common),

        // Level 4
        .executableTarget(
            name: "CLI",
            dependencies: [
                "Checkpoints", "Communication", "DataLoading", "Errors", "Files", "KernelContract", "Kernels",
                "Models", "Optimizers", "Reports", "Sweeps", "Tensors", "Training", "Understanding",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], swiftSettings: common),

        .target(
            name: "Lockstep",
            dependencies: [
                "Communication", "DataLoading", "Errors", "Kernels", "Models", "Tensors", "Training",
            ], swiftSettings: common),
        // Another program's view: what is not public does not compile here.
        .executableTarget(
            name: "FashionMNIST", dependencies: ["Lockstep"], path: "Examples/FashionMNIST", packageAccess: false,
            swiftSettings: common),

        // Tests
        .testTarget(name: "ErrorsTests", dependencies: ["Errors"], swiftSettings: unoptimized),
        .testTarget(name: "TensorsTests", dependencies: ["Tensors"], swiftSettings: common),
        .testTarget(name: "NumericsTests", dependencies: ["Numerics"], swiftSettings: common),
        .testTarget(name: "RandomnessTests", dependencies: ["Numerics", "Randomness"], swiftSettings: common),
        .testTarget(
            name: "KernelsTests", dependencies: ["KernelContract", "Kernels", "Randomness", "Tensors"],
            swiftSettings: common),
        // A program of ranks for the tests of Communication: MPI never starts inside the test process.
        .executableTarget(
            name: "CommunicationProbe",
            dependencies: ["Communication", "Errors", "KernelContract", "Kernels", "Tensors"],
            path: "Tests/RankPrograms/CommunicationProbe", swiftSettings: common),
        .testTarget(
            name: "CommunicationTests",
            dependencies: ["Communication", "CommunicationProbe", "Errors", "KernelContract", "Kernels", "Tensors"],
            swiftSettings: common),
        // What tests need of the machine: folders, Python.
        .target(name: "Surroundings", path: "Tests/Surroundings", swiftSettings: unoptimized),
        .testTarget(name: "FilesTests", dependencies: ["Errors", "Files", "Surroundings"], swiftSettings: unoptimized),
        .testTarget(
            name: "CheckpointsTests",
            dependencies: ["Checkpoints", "Errors", "FuzzTargets", "Surroundings", "Tensors"],
            swiftSettings: unoptimized),
        .target(
            name: "FuzzTargets",
            dependencies: ["Checkpoints", "DataLoading", "Errors", "Models", "Tensors", "Training"],
            path: "Tests/Fuzzing/FuzzTargets", swiftSettings: common),
        .testTarget(
            name: "CorpusTests", dependencies: ["FuzzTargets"], path: "Tests/Fuzzing/CorpusTests",
            swiftSettings: unoptimized),
        .testTarget(
            name: "DataLoadingTests", dependencies: ["CPNG", "CZlib", "DataLoading", "Errors", "Randomness"],
            swiftSettings: unoptimized),
        .testTarget(
            name: "ModelsTests",
            dependencies: [
                "Errors", "KernelContract", "Kernels", "Models", "Optimizers", "Randomness", "Tensors",
            ],
            swiftSettings: common),
        .testTarget(
            name: "OptimizersTests",
            dependencies: [
                "Communication", "Errors", "KernelContract", "Kernels", "Optimizers", "Tensors",
            ],
            swiftSettings: common),
        .testTarget(
            name: "TrainingTests",
            dependencies: [
                "Checkpoints", "Communication", "DataLoading", "Errors", "Files", "KernelContract", "Kernels",
                "Models", "Optimizers", "Tensors", "Training",
            ], swiftSettings: common),
        .testTarget(
            name: "UnderstandingTests",
            dependencies: ["Errors", "KernelContract", "Kernels", "Models", "Randomness", "Tensors", "Understanding"],
            swiftSettings: common),
        .testTarget(
            name: "LockstepTests", dependencies: ["Lockstep", "Models"], swiftSettings: unoptimized),
        .testTarget(
            name: "SweepsTests",
            dependencies: [
                "Communication", "DatabaseProbe", "Errors", "Models", "Numerics", "Randomness", "SearchFunctions",
                "Sweeps",
                "Training",
            ],
            swiftSettings: unoptimized),
        .testTarget(
            name: "ReportsTests",
            dependencies: [
                "Checkpoints", "Communication", "DataLoading", "Errors", "KernelContract", "Kernels", "Models",
                "Randomness", "Reports", "Surroundings", "Sweeps", "Tensors", "Training",
            ], swiftSettings: unoptimized),
        .target(
            name: "DatabaseProbe", dependencies: [.product(name: "GRDB", package: "GRDB.swift")],
            path: "Tests/RankPrograms/DatabaseProbe", swiftSettings: common),
        // Samplers on functions that cost nothing: Tests/Peers/search_quality.py compares them with Optuna's.
        .target(
            name: "SearchFunctions", dependencies: ["Sweeps"], path: "Tests/RankPrograms/SearchFunctions",
            swiftSettings: common),
        .executableTarget(
            name: "SearchProbe", dependencies: ["SearchFunctions", "Sweeps"], path: "Tests/RankPrograms/SearchProbe",
            swiftSettings: common),
        // Counts what a program allocates, by taking the place of malloc in it.
        .target(name: "CAllocations", path: "Tests/RankPrograms/CAllocations"),
        .executableTarget(
            name: "AllocationProbe",
            dependencies: ["CAllocations", "Communication", "Errors", "KernelContract", "Kernels", "Training"],
            path: "Tests/RankPrograms/AllocationProbe", swiftSettings: common),
        // Lets the calls that change files fail, by taking their place.
        .target(name: "CDiskFaults", path: "Tests/RankPrograms/CDiskFaults"),
        .executableTarget(
            name: "StoreProbe", dependencies: ["CDiskFaults", "Errors", "Sweeps"],
            path: "Tests/RankPrograms/StoreProbe", swiftSettings: common),
        .testTarget(
            name: "CommandLineTests",
            dependencies: [
                "AllocationProbe", "Checkpoints", "CLI", "Errors", "FashionMNIST", "Kernels", "StoreProbe", "Sweeps",
                "Training",
            ], swiftSettings: unoptimized),
    ]
)
