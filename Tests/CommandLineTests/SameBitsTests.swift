import Foundation
import Synchronization
import Testing

extension ComparedRunTests {
    /// A run is the same to the last bit, whoever does the work.
    @Suite struct SameBits {
        struct Training: Sendable, CustomTestStringConvertible {
            let name: String
            let arguments: [String]

            var testDescription: String { name }

            /// 600 samples leave a short last batch at 64 and at 61; 61 moreover a short last grain.
            static let all = [
                Training(name: "adam, batch 64", arguments: ["--batch-size", "64", "--hash-every", "4"]),
                Training(name: "adam, batch 61", arguments: ["--batch-size", "61"]),
                Training(
                    name: "adam, batch 64, validation",
                    arguments: ["--batch-size", "64", "--validation-split", "0.2"]),
                Training(
                    name: "every activation, dropout, smoothed and weighted cross-entropy, 30 steps of 40",
                    arguments: [
                        "--batch-size", "40", "--label-smoothing", "0.1", "--class-weights",
                        "1,2,0.5,1,1,3,1,1,0.25,1", "--model",
                        "dense 24, sigmoid, dense 22, elu, dropout 0.2, dense 20, selu, gelu, dense 18, silu, tanh, "
                            + "leaky-relu, dense 16, softplus, identity, dropout 0.1, dense 10",
                    ]),
                Training(
                    name: "mse, batch 61, validation",
                    arguments: ["--batch-size", "61", "--loss", "mse", "--validation-split", "0.2"]),
                Training(
                    name: "auto-encoder, batch 61, validation, three batches a step, average, best epoch",
                    arguments: [
                        "--batch-size", "61", "--accumulate", "3", "--target", "input", "--loss", "bce",
                        "--validation-split", "0.2", "--average", "0.5", "--patience", "1", "--model",
                        "dropout 0.1, dense 20, relu, dense 7, tanh, dense 64",
                    ]),
                Training(
                    name: "sgd with momentum, batch 61, validation",
                    arguments: [
                        "--batch-size", "61", "--optimizer", "sgd", "--momentum", "0.9", "--learning-rate", "0.05",
                        "--validation-split", "0.2",
                    ]),
                Training(
                    name: "lamb, clipped norm, average, one cycle, batch 61",
                    arguments: [
                        "--batch-size", "61", "--optimizer", "lamb", "--clip-norm", "0.5", "--average", "0.9",
                        "--schedule", "one-cycle 0.02", "--warmup", "3steps",
                    ]),
                Training(
                    name: "momentum, clipped value and norm, plateau, batch 64",
                    arguments: [
                        "--batch-size", "64", "--optimizer", "momentum", "--clip-value", "0.05", "--clip-norm", "0.1",
                        "--schedule", "plateau 0.5 0", "--scale-learning-rate", "32",
                    ]),
                Training(
                    name: "wide rectified layers, whose zeros are left out, batch 300",
                    arguments: ["--batch-size", "300", "--model", "dense 192, relu, dense 128, relu, dense 10"]),
                Training(
                    name: "changed pictures, validation",
                    arguments: ["--batch-size", "61", "--validation-split", "0.2", "--augment", augmentation]),
                Training(
                    name: "auto-encoder of changed and standardised pictures, a fold",
                    arguments: [
                        "--batch-size", "61", "--target", "input", "--model", "dense 20, relu, dense 64", "--fold",
                        "2/3",
                        "--stratified", "--samples", "300", "--augment", augmentation, "--standardize", "pixel",
                    ]),
                Training(
                    name: "mixed pictures, weighted cross-entropy, two batches a step",
                    arguments: [
                        "--batch-size", "61", "--augment", "shift 1, mixup 0.4, cutmix 1", "--class-weights",
                        "1,2,0.5,1,1,3,1,1,0.25,1", "--accumulate", "2",
                    ]),
                Training(
                    name: "blocks, auto-encoder of mixed pictures, validation",
                    arguments: [
                        "--batch-size", "61", "--target", "input", "--model", "dense 20, relu, dense 64", "--augment",
                        "mixup 1", "--shuffle", "blocks 16 4", "--validation-split", "0.2",
                    ]),
                Training(name: "every layer with a state, per-layer settings, batch 61", arguments: stateful),
            ]

            static let augmentation = "shift 1, rotate 10, elastic 1 3, noise 5"

            static let stateful = [
                "--batch-size", "61", "--init", "orthogonal", "--layers",
                "0: learning-rate 0.02; *.bias: weight-decay 0.1; 4.bias: frozen", "--model",
                "conv 4 3x3, batchnorm, relu, residual { conv 4 3 padding 1, batchnorm, dropout 0.2 }, "
                    + "conv-transpose 3 2x2, layernorm, relu, flatten, batchnorm, dense 10",
            ]
        }

        static let threadWays =
            [2, 3, 5, 8].map { Way(workers: $0) }
            + Program.info.availableInstructionSets.map { Way(workers: 2, environment: ["LOCKSTEP_ISA": $0]) }
        /// What can differ between threads and ranks: how many share memory, how sums travel, what computes.
        static let rankWays: [[Way]] = [
            [1, 2, 3, 4, 5, 7, 8, 11].map { Way(ranks: $0) },
            [2, 3].map { Way(ranks: $0, environment: ["LOCKSTEP_TRANSPORT": "messages"]) },
            [(3, "hosts:2,1"), (5, "hosts:2,1"), (7, "hosts:3,4")].map {
                Way(ranks: $0, environment: ["LOCKSTEP_TRANSPORT": $1])
            },
            Program.info.availableInstructionSets.map { Way(ranks: 2, environment: ["LOCKSTEP_ISA": $0]) },
        ]

        /// Each training in a way of each kind and in a second one of shared memory, by turns, so that each way meets several; the
        /// training with every layer in all ways. (Every training with every number of workers: `withThreads`.)
        static let rankCases: [(training: Training, way: Way)] = Training.all.enumerated().flatMap { index, training in
            let ways =
                index == Training.all.count - 1
                ? rankWays.flatMap(\.self)
                : rankWays.map { $0[index % $0.count] } + [rankWays[0][(index + 3) % rankWays[0].count]]
            return ways.map { (training, $0) }
        }

        static let waysWithoutMPI =
            Program.withoutMPI.map { path in [1, 3].map { Way(workers: $0, binary: path) } } ?? []

        /// What one worker alone makes of each training.
        private static let alone = Mutex<[String: RunRecord]>([:])

        private func alone(_ training: Training) throws -> RunRecord {
            if let known = Self.alone.withLock({ $0[training.name] }) { return known }
            let record = try Workbench().train(training.arguments)
            Self.alone.withLock { $0[training.name] = record }
            return record
        }

        private func compare(_ training: Training, _ way: Way, in bench: Workbench? = nil) throws {
            let expected = try alone(training)
            let found = try (bench ?? Workbench()).train(training.arguments, as: way)
            #expect(found.summary == expected.summary)
            #expect(found.metrics == expected.metrics)
            #expect(found.checkpoint == expected.checkpoint)
            #expect(found.configuration == expected.configuration)
        }

        @Test(arguments: Training.all, threadWays) func withThreads(training: Training, way: Way) throws {
            try compare(training, way)
        }

        @Test(
            .enabled(if: Program.hasRanks, "mpirun is missing, or the program was built without MPI"),
            arguments: rankCases)
        func withRanks(training: Training, way: Way) throws { try compare(training, way) }

        /// Gradients of layers behind cross to other hosts, in pieces, while those of layers before are computed; auto tries it for
        /// 40 steps.
        @Test(
            .enabled(if: Program.hasRanks, "mpirun is missing, or the program was built without MPI"),
            arguments: [(2, "hosts:1", "on"), (3, "hosts:2,1", "on"), (3, "hosts:1", "auto"), (2, "hosts:1", "off")])
        func withOverlap(ranks: Int, transport: String, overlap: String) throws {
            let way = Way(ranks: ranks, environment: ["LOCKSTEP_TRANSPORT": transport, "LOCKSTEP_OVERLAP": overlap])
            let bench = try Workbench()
            try compare(
                Training(
                    name: "wide",
                    arguments: [
                        "--batch-size", "32", "--epochs", "6", "--model",
                        "dense 300, batchnorm, relu, dense 256, relu, dense 128, relu, dense 10",
                    ]), way, in: bench)
            struct Told: Decodable { let overlap: Bool? }
            let told = try JSONDecoder().decode(Told.self, from: bench.folder.read("run/summary.json")).overlap
            #expect(overlap == "auto" ? told != nil : told == (overlap == "on"))
        }

        @Test(
            .enabled(if: Program.withoutMPI != nil, "LOCKSTEP_WITHOUT_MPI names no program"),
            arguments: Training.all, waysWithoutMPI)
        func withoutMPI(training: Training, way: Way) throws { try compare(training, way) }

        /// Comparing hashes proves something only if they can differ, and the training must be one that learns.
        @Test func otherTrainingsGiveOtherBits() throws {
            let trainings =
                Training.all + [Training(name: "another seed", arguments: ["--batch-size", "64", "--seed", "8"])]
            let records = try trainings.map { try alone($0) }
            #expect(Set(records.map(\.summary.parametersSHA256)).count == trainings.count)
            for (training, record) in zip(trainings, records) {
                let isSplit = !Set(training.arguments).isDisjoint(with: ["--validation-split", "--fold"])
                // Adam with batch 64: a line each for the hash after steps 4, 8, …, 20.
                let hashLines = training.arguments.contains("--hash-every") ? 5 : 0
                #expect(record.metrics.count == (isSplit ? 2 * 2 + 1 : 2 * 2) + hashLines, "\(training.name)")
                #expect((record.summary.validationLoss != nil) == isSplit, "\(training.name)")
            }
            let longer = try Workbench().train(["--epochs", "20"])
            #expect(longer.summary.testAccuracy ?? 0 >= 0.9)
        }

        /// A change of this value is a change of the numerics: when it is on purpose, raise `numericsVersion`.
        @Test func theBitsAreThoseOfThisNumericsVersion() throws {
            let record = try alone(Training.all[0])
            #expect(record.summary.numericsVersion == 2)
            let golden = "60127d372ec72a0da929fb100a204a03deeea9def8297d238c818545bea0ae8b"
            #expect(record.summary.parametersSHA256 == golden)
        }

        @Test(.enabled(if: Program.python != nil, "python3 is missing"), arguments: [[], Training.stateful])
        func pythonComputesTheSameHash(arguments: [String]) throws {
            let bench = try Workbench()
            let record = try bench.train(arguments)
            let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .appendingPathComponent("Python/parameters_sha256.py").path
            let result = try ChildProcess(
                try #require(Program.python), [script, record.summary.checkpoint], environment: [:],
                folder: bench.folder
            ).finish(withinSeconds: 30)
            #expect(result.standardOutput == record.summary.parametersSHA256 + "\n", "\(result)")
        }

        private struct Score: Decodable {
            let tensors: Int
            let loss: Double
            let accuracy: Double
        }

        /// `load_state_dict` with `strict=True`, then the test images in float64.
        @Test(
            .enabled(
                if: Program.hasTorch, "needs Python's torch and safetensors: LOCKSTEP_TEST_PYTHON names one with them"))
        func theCheckpointIsOneOfPyTorch() throws {
            let bench = try Workbench()
            let record = try bench.train(Training.stateful)
            let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .appendingPathComponent("Python/check_torch.py").path
            let result = try ChildProcess(
                try #require(Program.python), [script, record.summary.checkpoint, "data"],
                environment: ["PYTHONDONTWRITEBYTECODE": "1"], folder: bench.folder
            ).finish(withinSeconds: 60)
            try #require(result.exitCode == 0, "\(result)")
            let score = try JSONDecoder().decode(Score.self, from: Data(result.standardOutput.utf8))
            // Weights and biases of 8 layers, and two running values and a counter for each batch norm.
            #expect(score.tensors == 2 * 8 + 3 * 3)
            #expect(abs(score.loss - record.summary.testLoss) <= 1e-5 * score.loss, "\(score), \(record.summary)")
            #expect(score.accuracy == record.summary.testAccuracy)
        }

        /// Eleven workers for eight grains.
        @Test(arguments: [Way(workers: 11)] + (Program.hasRanks ? [Way(ranks: 11)] : []))
        func idleWorkersAreToldOnce(way: Way) throws {
            let result = try Workbench().run(
                Workbench.training + ["--out", "run"] + (way.workers.map { ["--workers", "\($0)"] } ?? []),
                ranks: way.ranks)
            #expect(result.exitCode == 0, "\(result)")
            let notes = result.allOutput.split(separator: "\n").filter { $0.contains("idle") }
            #expect(notes.count == 1 && notes[0].contains("8 grains") && notes[0].contains("3 of 11"), "\(result)")
        }

        @Test(.enabled(if: Program.info.fashionMNIST != nil, "Fashion-MNIST is not installed"))
        func onFashionMNIST() throws {
            let folder = try TemporaryFolder()
            let command = [
                "train", "--dataset", "fashion-mnist", "--steps", "200", "--seed", "7", "--quiet", "--out", "run",
                "--overwrite",
            ]
            let ways = [Way(workers: 1), Way(workers: 3)] + (Program.hasRanks ? [Way(ranks: 2), Way(ranks: 5)] : [])
            var records: [RunRecord] = []
            for way in ways {
                let result = try Program.run(
                    command + (way.workers.map { ["--workers", "\($0)"] } ?? []), ranks: way.ranks, folder: folder)
                try #require(result.exitCode == 0, "\(way): \(result)")
                records.append(try RunRecord("run", in: folder))
                #expect(records.last == records.first, "\(way)")
            }
            #expect(records[0].summary.steps == 200 && records[0].summary.testAccuracy ?? 0 > 0.7)
        }
    }
}
