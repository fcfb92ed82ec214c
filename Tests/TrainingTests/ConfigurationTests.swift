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
        options.initializer = "orthogonal 2"
        options.layers = "0: learning-rate 1e-3, init normal; *.bias: weight-decay 0, frozen; dense: trained"
        var more = TrainingOptions()
        more.optimizer = "lamb"
        more.beta2 = 0.99
        more.weightDecay = 0.125
        more.clipValue = 0.5
        more.clipNorm = 2
        more.schedule = "one-cycle 0.25"
        more.warmUp = "2 epochs"
        more.scaleLearningRate = 256
        more.average = 0.999
        more.model =
            "residual { dense 784, batchnorm } shortcut { relu }, reshape 14x14x4, conv-transpose 2 3, dense 10"
        let every = OptimizerRule.allCases.map { rule in
            var options = TrainingOptions()
            options.optimizer = rule.rawValue
            return options
        }
        var selecting = TrainingOptions()
        selecting.target = "input"
        selecting.loss = "bce"
        selecting.batchSize = .all
        selecting.validationSplit = 0.25
        selecting.patience = 3
        selecting.minDelta = 0.001
        var accumulating = TrainingOptions()
        accumulating.accumulate = 4
        accumulating.metric = "test-accuracy"
        for options in [options, more, selecting, accumulating, TrainingOptions()] + every {
            let yaml = try options.resolved().yaml
            let again = try read(yaml).resolved()
            #expect(again.yaml == yaml)
            #expect(try again.update == options.resolved().update)
            #expect(try again.loss == options.resolved().loss && again.selection == options.resolved().selection)
            #expect(try again.batchSize == options.resolved().batchSize)
            #expect(try again.accumulation == options.resolved().accumulation)
            #expect(try again.layers == options.resolved().layers && again.model == options.resolved().model)
            #expect(try again.schedule == options.resolved().schedule && again.warmUp == options.resolved().warmUp)
        }
    }

    @Test("a hyperparameter is refused by every rule that lacks it", arguments: OptimizerRule.allCases)
    func hyperparameters(rule: OptimizerRule) throws {
        for hyperparameter in Hyperparameter.allCases {
            let options = try read("optimizer: \(rule.rawValue)\n\(hyperparameter.rawValue): 0.5\n")
            if rule.defaults.contains(where: { $0.hyperparameter == hyperparameter }) {
                #expect(try options.resolved().update.optimizer[hyperparameter] == 0.5)
            } else {
                let failure = #expect(throws: Failure.self) { try options.resolved() }
                #expect(failure?.message.contains("\(hyperparameter.rawValue) has no meaning") == true)
            }
        }
    }

    @Test("the schedule's greatest learning rate is the learning rate")
    func oneCycle() throws {
        let configuration = try read("schedule: one-cycle 0.25\nscale-learning-rate: 16\n").resolved()
        #expect(configuration.learningRate == 0.25)
        #expect(configuration.learningRateScale(RunLength(configuration, sampleCount: 1_000)) == 4)
        let accumulating = try read("accumulate: 3\nscale-learning-rate: 16\n").resolved()
        #expect(accumulating.learningRateScale(RunLength(accumulating, sampleCount: 1_000)) == 12)
        let failure = #expect(throws: Failure.self) {
            try read("schedule: one-cycle 0.25\nlearning-rate: 0.1\n").resolved()
        }
        #expect(failure?.message.contains("names its greatest learning rate, 0.25") == true)
    }

    @Test("an option overrides the file")
    func overriding() throws {
        let file = try read("batch_size: 32\nlearning-rate: 0.5\noptimizer: sgd\n")
        var line = TrainingOptions()
        line.batchSize = 128
        let configuration = try line.overriding(file).resolved()
        #expect(configuration.batchSize == 128)
        #expect(configuration.learningRate == 0.5)
        #expect(configuration.update == UpdateDescription(OptimizerDescription(.sgd)))
    }

    @Test(
        "what a file has wrong is named with its line",
        arguments: [
            ("seed: 1\nbatchsize: 3\n", ":2: unknown option \"batchsize\"; did you mean \"batch-size\"?"),
            ("epochs: many\n", ":1: \"epochs\" needs a whole number"),
            ("batch-size: some\n", ":1: \"batch-size\" needs a whole number or \"all\""),
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
            "{loss: mse, label-smoothing: 0.1}", "class-weights: \"1,x\"", "class-weights: 1,,2", "class-weights: 0",
            "class-weights: inf", "{loss: bce, class-weights: 1}", "momentum: 0.9",
            "{optimizer: sgd, momentum: 1}", "{optimizer: nesterov, momentum: 0}", "weight-decay: -1", "clip-norm: 0",
            "clip-value: inf", "average: 1", "average: -0.5", "scale-learning-rate: 0", "schedule: wave",
            "{target: input, loss: cross-entropy}", "target: outputs", "accumulate: 0",
            "{batch-size: all, accumulate: 2}", "patience: 3", "{patience: 0, validation-split: 0.1}",
            "metric: validation-accuracy", "metric: loss", "{metric: test-accuracy, target: input}", "min-delta: 0.1",
            "{min-delta: -1, patience: 1, metric: train-loss}", "{target: input, label-smoothing: 0.1}",
            "warmup: 3 moons", "epsilon: 0", "alpha: 0.9", "beta1: 1", "reduction: ring", "steps: 0", "hash-every: 0",
        ])
    func ranges(yaml: String) throws {
        let options = try read(yaml)
        let failure = #expect(throws: Failure.self) { try options.resolved() }
        #expect(failure?.kind == .data && failure?.message.contains(".yaml:1: ") == true, "\(failure?.message ?? "")")
    }

    @Test("early stopping looks at the validation loss, and squared errors at inputs, unless told otherwise")
    func defaults() throws {
        let stopping = try read("patience: 2\nvalidation-split: 0.1\n").resolved()
        #expect(stopping.selection == ModelSelection(metric: .validationLoss, patience: 2))
        #expect(try read("metric: train-loss\n").resolved().selection == ModelSelection(metric: .trainLoss))
        #expect(try read("target: input\n").resolved().loss == LossDescription(.meanSquaredError, target: .input))
        #expect(try TrainingOptions().resolved().selection == nil)
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
        #expect(TrainingConfiguration.defaultGrainSize(batchSize: .samples(batchSize)) == expected)
        #expect(TrainingConfiguration.defaultGrainSize(batchSize: .all) == 32)
    }
}
