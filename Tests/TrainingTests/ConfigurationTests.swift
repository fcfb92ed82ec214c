import Errors
import Foundation
import Models
import Optimizers
import Testing
import Training

@Suite("Configuration")
struct ConfigurationTests {
    private func read(_ yaml: String) throws -> TrainingOptions {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).yaml").path
        try yaml.write(toFile: path, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: path) }
        return try TrainingOptions(contentsOf: path)
    }

    @Test("a saved configuration is read back to the same run")
    func roundTrip() throws {
        var options = TrainingOptions()
        options.dataset = "odd \"name\" with \\ and: # signs"
        options.dataDirectory = "a folder"
        options.optimizer = "sgd"
        options.momentum = 0.9
        options.learningRate = 0.1 + 0.2
        options.batchSize = 61
        options.steps = 12
        options.seed = .max
        options.hashEvery = 3
        options.validationSplit = 0.2
        options.labelSmoothing = 0.1
        options.classWeights = "1, 2.5,0.1"
        for options in [options, TrainingOptions()] {
            let yaml = try options.resolved().yaml
            #expect(try read(yaml).resolved().yaml == yaml)
        }
    }

    @Test("an option overrides the file")
    func overriding() throws {
        let file = try read("batch_size: 32\nlearning-rate: 0.5\noptimizer: sgd\n")
        var line = TrainingOptions()
        line.batchSize = 128
        let configuration = try line.overriding(file).resolved()
        #expect(configuration.batchSize == 128)
        #expect(configuration.learningRate == 0.5)
        #expect(configuration.optimizer == .sgd(momentum: 0))
    }

    @Test(
        "what a file has wrong is named with its line",
        arguments: [
            ("seed: 1\nbatchsize: 3\n", ":2: unknown option \"batchsize\"; did you mean \"batch-size\"?"),
            ("epochs: many\n", ":1: \"epochs\" needs a whole number"),
            ("epochs: [1, 2]\n", ":1: \"epochs\" needs a whole number"),
            ("- 1\n", "a mapping of options to values is needed"),
            ("a: b: c\n", "not valid YAML"),
        ])
    func fileErrors(yaml: String, fragment: String) {
        let failure = #expect(throws: Failure.self) { try read(yaml) }
        #expect(failure?.kind == .data && failure?.message.contains(fragment) == true, "\(failure?.message ?? "")")
        #expect(failure?.message.contains("\n") == false)
    }

    @Test(
        "values out of range are refused",
        arguments: [
            "batch-size: 0", "epochs: 0", "grain: -1", "learning-rate: 0", "learning-rate: nan", "learning-rate: inf",
            "validation-split: 1", "validation-split: -0.1", "optimizer: lion", "loss: hinge", "label-smoothing: 1",
            "{loss: mse, label-smoothing: 0.1}", "class-weights: \"1,x\"",
            "class-weights: 1,,2", "class-weights: 0", "class-weights: inf", "{loss: bce, class-weights: 1}",
            "momentum: 0.9",
            "{optimizer: sgd, momentum: 1}", "beta1: 1", "reduction: ring", "steps: 0", "hash-every: 0",
        ])
    func ranges(yaml: String) throws {
        let options = try read(yaml)
        let failure = #expect(throws: Failure.self) { try options.resolved() }
        #expect(failure?.kind == .data && failure?.message.contains(".yaml:1: ") == true, "\(failure?.message ?? "")")
    }

    @Test("a value of the command line is named by its option")
    func lineValues() {
        var options = TrainingOptions()
        options.batchSize = 0
        let failure = #expect(throws: Failure.self) { try options.resolved() }
        #expect(failure == Failure(.usage, "--batch-size 0: a whole number from 1 is needed"))
    }

    @Test(
        "the default grain",
        arguments: [(1, 8), (64, 8), (128, 8), (255, 8), (256, 16), (511, 16), (512, 32), (9_999, 32)])
    func grain(batchSize: Int, expected: Int) {
        #expect(TrainingConfiguration.defaultGrainSize(batchSize: batchSize) == expected)
    }
}
