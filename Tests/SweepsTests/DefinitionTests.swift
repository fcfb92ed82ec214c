import Errors
import Sweeps
import Testing

@Suite("Sweep file")
struct DefinitionTests {
    private static let parameters = "parameters: {seed: {values: [1, 2]}}\n"

    private func read(_ yaml: String) throws -> SweepDefinition { try SweepDefinition(yaml: yaml, path: "sweep.yaml") }

    @Test("wandb's other keys are accepted and named")
    func ignoredKeys() throws {
        let definition = try read(
            "program: train.py\nproject: p\nentity: e\ncommand: [a, b]\nname: n\ndescription: d\nmethod: grid\n"
                + "metric: {name: val_acc, goal: maximize, target: 0.9}\nrun_cap: 7\n" + Self.parameters)
        #expect(definition.ignoredKeys == ["program", "project", "entity", "command"])
        #expect(definition.name == "n" && definition.description == "d" && definition.runCap == 7)
        #expect(definition.metric.name == "validationAccuracy" && definition.metric.isMaximized)
        #expect(definition.metric.target == 0.9 && definition.lag == 8 && definition.seeds == 1)
    }

    @Test(
        "metrics are fields of the summary in any spelling",
        arguments: [
            ("test_accuracy", "testAccuracy", true), ("testLoss", "testLoss", false),
            ("test/acc", "testAccuracy", true), ("val_acc", "validationAccuracy", true),
            ("val_accuracy", "validationAccuracy", true), ("valid_acc", "validationAccuracy", true),
            ("val.acc", "validationAccuracy", true), ("Accuracy", "testAccuracy", true), ("loss", "testLoss", false),
            ("val_loss", "validationLoss", false), ("validation-accuracy", "validationAccuracy", true),
            ("train.loss", "trainLoss", false),
        ])
    func metrics(written: String, field: String, isMaximized: Bool) throws {
        let definition = try read("method: grid\nmetric: {name: \"\(written)\"}\n" + Self.parameters)
        #expect(definition.metric.name == field && definition.metric.isMaximized == isMaximized)
    }

    @Test("without a split in its name a metric is that of the validation, where there is one") func bareMetric() throws
    {
        let definition = try read(
            "method: grid\nmetric: {name: Accuracy}\nparameters: {seed: {values: [1, 2]}, validation_split: {value: "
                + "0.1}}"
        )
        #expect(definition.metric.name == "validationAccuracy")
        #expect(definition.notes.contains("metric Accuracy is validationAccuracy"))
    }

    @Test("JSON is read as YAML is") func json() throws {
        let definition = try read(
            """
            {"method": "random", "run_cap": 3, "metric": {"name": "val_loss", "goal": "minimize"},
             "parameters": {"lr": {"distribution": "log_uniform_values", "min": 1e-4, "max": 1e-1},
                            "hidden_size": {"value": [64, 128, 256]}, "epochs": {"min": 1, "max": 5}}}
            """)
        #expect(definition.parameters.map(\.option) == ["epochs", "family", "hidden-size", "learning-rate"])
        #expect(definition.parameters[2].values.map(\.text) == ["64,128,256"])
    }

    @Test("anchors are taken where they are few") func anchors() throws {
        let definition = try read(
            "method: grid\nparameters:\n  beta1: &b {values: [0.8, 0.9]}\n  beta2: *b\n  optimizer: {value: adam}\n")
        #expect(definition.parameters.map(\.option) == ["beta1", "beta2", "optimizer"])
        #expect(definition.parameters[1].values.map(\.text) == ["0.8", "0.9"])
    }

    private static func parameter(_ text: String) -> String { "method: random\nrun_cap: 5\nparameters:\n  \(text)\n" }

    static let refused: [(String, String)] = [
        ("method: grid\nparametres: {}\n", ":2:1: unknown key \"parametres\"; did you mean \"parameters\"?"),
        ("method: gird\n\(parameters)", ":1:9: \"method\" needs grid, random, bayes, tpe; did you mean grid?"),
        ("method: custom\n\(parameters)", ":1:9: \"method\" needs grid"),
        (parameters, ": \"method: grid\" is missing"),
        ("method: grid\n", ": \"parameters\" is missing or empty"),
        ("method: grid\nparameters: {}\n", ": \"parameters\" is missing or empty"),
        ("- a\n", ": a sweep needs"),
        ("", ": a sweep needs"),
        ("method: [grid\n", "not valid YAML"),
        ("method: grid\nmethod: random\n", ":1:1: \"method\" is there twice"),
        ("method: grid\nmetrics: [{name: a}]\n\(parameters)", ":2:1: \"metrics\" is not supported"),
        ("method: grid\nrun_cap: 0\n\(parameters)", ":2:10: \"run_cap\" needs a whole number from 1"),
        ("method: grid\nlag: -1\n\(parameters)", ":2:6: \"lag\" needs a whole number from 0"),
        ("method: grid\nseeds: 3\n\(parameters)", ":2:8: \"seeds\" and a parameter seed exclude each other"),
        ("method: bayes\nparameters: {seed: {value: 1}}\n", ":2:13: no parameter varies"),
        // Metric and early termination.
        ("method: grid\nmetric: {goal: minimize}\n\(parameters)", ":2:9: \"metric\" needs a name"),
        ("method: grid\nmetric: {name: f1}\n\(parameters)", ":2:16: metric \"f1\" is unknown; it may be trainLoss"),
        ("method: grid\nmetric: {name: testLoss, goal: least}\n\(parameters)", ":2:32: metric goal \"least\""),
        (
            "method: grid\nmetric: {name: testLoss, gaol: minimize}\n\(parameters)",
            ":2:26: unknown key \"gaol\" of metric"
        ),
        (
            "method: grid\nmetric: {name: testLoss, target: low}\n\(parameters)",
            ":2:34: \"target\" needs a number, not \"low\""
        ),
        (
            "method: grid\nearly_terminate: {type: median}\n\(parameters)",
            ":2:25: \"early_terminate\" needs type: hyperband"
        ),
        (
            "method: grid\nearly_terminate: {type: hyperband}\n\(parameters)",
            ":2:18: \"early_terminate\" needs min_iter"
        ),
        (
            "method: grid\nearly_terminate: {type: hyperband, max_iter: 9}\n\(parameters)",
            ":2:46: \"max_iter\" needs \"s\""
        ),
        (
            "method: grid\nearly_terminate: {type: hyperband, min_iter: 3, eta: 1}\n\(parameters)",
            ":2:54: \"eta\": 1.0: a number above 1"
        ),
        (
            "method: grid\nearly_terminate: {type: hyperband, min_itr: 3}\n\(parameters)",
            ":2:36: unknown key \"min_itr\" of early_terminate; did you mean \"min_iter\"?"
        ),
        // Names.
        (
            "method: grid\nparameters:\n  leraning_rate: {values: [1, 2]}\n",
            ":3:3: unknown option \"leraning_rate\"; did you mean \"learning-rate\"?"
        ),
        ("method: grid\nparameters:\n  frobnicate: {min: 1, max: 2}\n", ":3:3: unknown option \"frobnicate\""),
        ("method: grid\nparameters:\n  seed: 3\n", ":3:3: \"seed\" needs \"value\" or \"values\""),
        (
            "method: grid\nparameters:\n  batch_size: {value: 1}\n  batch-size: {value: 2}\n",
            ":3:3: \"batch-size\" and \"batch_size\" are the same option"
        ),
        (
            "method: grid\nparameters:\n  lr: {value: 1}\n  learning_rate: {value: 2}\n",
            ":3:3: \"learning_rate\" and \"lr\" are the same option, learning-rate"
        ),
        // Fields of distributions.
        ("method: grid\nparameters:\n  seed: {values: []}\n", ":3:18: \"seed\" needs \"values\" with a list"),
        ("method: grid\nparameters:\n  seed: {values: 3}\n", ":3:18: \"seed\" needs \"values\" with a list"),
        (
            "method: grid\nparameters:\n  seed: {value: 1, values: [2]}\n",
            ":3:20: \"seed\": \"values\" has no meaning for"
        ),
        ("method: grid\nparameters:\n  seed: {}\n", ":3:3: \"seed\" needs \"value\", or"),
        (parameter("dropout: {min: 0.1}"), ":4:3: \"dropout\": distribution uniform needs \"max\", which is missing"),
        (parameter("dropout: {min: 0.5, max: 0.1}"), ":4:18: \"dropout\": \"min\" 0.5 is not less than \"max\" 0.1"),
        (parameter("dropout: {min: 0.5, max: 0.5}"), "write value: 0.5"),
        (parameter("dropout: {min: low, max: 0.5}"), ":4:18: \"min\" needs a number, not \"low\""),
        (parameter("dropout: {mn: 0.5, max: 0.5}"), ":4:13: \"dropout\": unknown field \"mn\"; did you mean \"min\"?"),
        (
            parameter("dropout: {distribution: unifrom, min: 0, max: 1}"),
            ":4:27: \"dropout\": distribution \"unifrom\" is unknown"
        ),
        (parameter("dropout: {min: 0, max: 1, q: 0.1}"), ":4:3: \"dropout\": with \"q\" say which distribution"),
        (parameter("dropout: {mu: 0}"), ":4:3: \"dropout\": say which distribution, such as distribution: normal"),
        (
            parameter("lr: {distribution: log_uniform_values, min: 0, max: 1}"),
            ":4:47: \"lr\": \"min\" is 0.0: a number above 0"
        ),
        (
            parameter("lr: {distribution: log_uniform, min: 1, max: 2000}"),
            "exponents of e; log_uniform_values takes numbers"
        ),
        (parameter("lr: {distribution: normal, sigma: 0}"), ":4:37: \"lr\": \"sigma\" 0.0: a number above 0"),
        (
            parameter("lr: {distribution: q_uniform, min: 0, max: 1, q: 0}"),
            ":4:52: \"lr\": \"q\" 0.0: a number above 0"
        ),
        (parameter("lr: {distribution: beta, a: 0}"), ":4:3: \"lr\": \"a\" and \"b\" of a beta distribution"),
        (
            parameter("lr: {distribution: int_uniform, min: 1.5, max: 3}"),
            ":4:40: \"lr\": int_uniform needs whole numbers"
        ),
        (parameter("epochs: {min: 1.0, max: 3}"), ":4:3: \"epochs\" needs whole numbers: write whole"),
        (
            parameter("seed: {values: [1, 2], probabilities: [0.5, 0.4]}"),
            ":4:41: \"seed\": the probabilities sum to 0.9, not to 1"
        ),
        (parameter("seed: {values: [1, 2], probabilities: [1]}"), "needs a number for each of the 2 values"),
        (parameter("seed: {values: [1, 2], probabilities: [2, -1]}"), "probability -1.0 is negative"),
        // A grid.
        (
            "method: grid\nparameters:\n  dropout: {min: 0.0, max: 0.5}\n",
            ":3:3: \"dropout\": whole \"min\" and \"max\""
        ),
        (
            "method: grid\nparameters:\n  dropout: {distribution: normal}\n",
            ":3:3: \"dropout\": distribution normal has no place"
        ),
        (
            "method: grid\nparameters:\n  seed: {values: [1], probabilities: [1]}\n",
            ":3:3: \"seed\": probabilities have no place in a grid"
        ),
        // Values.
        (
            "method: grid\nparameters:\n  epochs:\n    values: [1, two]\n",
            ":4:17: \"epochs\" needs a whole number, not \"two\""
        ),
        (
            "method: grid\nparameters:\n  optimizer: {values: [adam, admm]}\n",
            ":3:30: optimizer admm is unknown; it may be"
        ),
        ("method: grid\nparameters:\n  activation: {values: [relu, rleu]}\n", ":3:31: activation rleu is unknown"),
        ("method: grid\nparameters:\n  init: {value: xaver}\n", ":3:17: "),
        (parameter("dropout: {min: 0.0, max: 1.5}"), ":4:18: dropout 1.5: a probability from 0 to below 1"),
        (parameter("lr: {min: -1.0, max: 1.5}"), ":4:13: learning-rate -1.0: a positive number"),
        ("method: grid\nparameters:\n  model: {values: [dense, relu]}\n", ":3:20: "),
        ("method: grid\nparameters:\n  hidden_size: {values: [64, [1, 0]]}\n", ":3:30: hidden-size"),
        (
            "method: grid\nparameters:\n  optimizer: {value: adam}\n  momentum: {values: [0.5, 0.9]}\n",
            ":4:3: \"momentum\" has no meaning for adam"
        ),
        // Points and conditions.
        ("method: grid\npoints: {dropout: 1}\n\(parameters)", ":2:9: \"points\" needs a list"),
        (
            "method: grid\npoints:\n  - dropot: 1\n\(parameters)",
            ":3:5: unknown option \"dropot\"; did you mean \"dropout\"?"
        ),
        ("method: grid\npoints:\n  - {}\n\(parameters)", ":3:5: a point needs a mapping"),
        (
            "method: grid\nconditions: {dropout: {seed: 1}}\n\(parameters)",
            ":2:14: \"dropout\" is no parameter of this sweep"
        ),
        ("method: grid\nconditions: {seed: {dropout: 1}}\n\(parameters)", ":2:21: \"dropout\" is no other parameter"),
        (
            "method: grid\nconditions: {dropout: {seed: 3}}\nparameters: {seed: {values: [1, 2]}, dropout: {value: "
                + "0.5}}\n",
            ":2:30: \"seed\" never is 3, so \"dropout\" would never exist"
        ),
    ]

    @Test("what is wrong is named with its line and column", arguments: refused)
    func refusals(yaml: String, fragment: String) {
        let failure = #expect(throws: Failure.self) { try read(yaml) }
        #expect(failure?.kind == .data)
        #expect(
            failure?.message.hasPrefix("sweep.yaml:") == true && failure?.message.contains(fragment) == true,
            "\(failure?.message ?? "")")
        #expect(failure?.message.contains("\n") == false)
    }

    static let refusedPlans: [(String, String)] = [
        ("method: random\nparameters: {lr: {min: 0.1, max: 0.2}}", "run_cap is missing"),
        ("method: grid\nmetric: {name: val_acc}\n\(parameters)", "metric validationAccuracy: no trial has it without"),
        (
            "method: grid\nmetric: {name: testAccuracy}\nparameters: {family: {value: autoencoder}, seed: {values: "
                + "[1, 2]}}",
            "an auto-encoder has no accuracy; use testLoss"
        ),
        ("method: grid\nmetric: {name: bestTestAccuracy}\n\(parameters)", "no trial has it unless epochs are compared"),
        (
            "method: grid\nmetric: {name: wallSeconds}\nearly_terminate: {type: hyperband, min_iter: 1}\n\(parameters)",
            "known at a run's end only"
        ),
        (
            "method: grid\nearly_terminate: {type: hyperband, min_iter: 1}\n"
                + "parameters: {validation_split: {value: 0.1}, epochs: {values: [3, 4]}}",
            "use validationAccuracy"
        ),
        (
            "method: grid\nparameters:\n"
                + ["seed", "split_seed", "steps"].map { "  \($0): {min: 1, max: 1000}\n" }.joined(),
            "the grid has more than 2,000,000 points"
        ),
    ]

    @Test("what no sweep can run is refused before it begins", arguments: refusedPlans)
    func plans(yaml: String, fragment: String) throws {
        let definition = try read(yaml)
        let failure = #expect(throws: Failure.self) { try SweepPlan(definition) }
        #expect(failure?.kind == .data && failure?.message.contains(fragment) == true, "\(failure?.message ?? "")")
    }
}
