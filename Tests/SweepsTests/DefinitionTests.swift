import Errors
import Sweeps
import Testing

@Suite("Sweep file")
struct DefinitionTests {
    private static let parameters = "parameters: {seed: {values: [1, 2]}}\n"

    @Test("wandb's other keys are accepted and named")
    func ignoredKeys() throws {
        let definition = try SweepDefinition(
            yaml: "program: train.py\nproject: p\nentity: e\ncommand: [a, b]\nname: n\ndescription: d\nmethod: grid\n"
                + "metric: {name: val_acc, goal: maximize, target: 0.9}\nrun_cap: 7\n" + Self.parameters,
            path: "sweep.yaml")
        #expect(definition.ignoredKeys == ["program", "project", "entity", "command"])
        #expect(definition.name == "n" && definition.description == "d" && definition.runCap == 7)
        #expect(definition.metric.name == "validationAccuracy" && definition.metric.isMaximized)
    }

    @Test(
        "metrics are fields of the summary in any spelling",
        arguments: [
            ("test_accuracy", "testAccuracy", true), ("testLoss", "testLoss", false),
            ("test/acc", "testAccuracy", true),
            ("val_loss", "validationLoss", false), ("validation-accuracy", "validationAccuracy", true),
            ("train.loss", "trainLoss", false),
        ])
    func metrics(written: String, field: String, isMaximized: Bool) throws {
        let definition = try SweepDefinition(
            yaml: "method: grid\nmetric: {name: \"\(written)\"}\n" + Self.parameters, path: "sweep.yaml")
        #expect(definition.metric.name == field && definition.metric.isMaximized == isMaximized)
    }

    private static let refused: [(String, String)] = [
        ("method: grid\nparametres: {}\n", ":2: unknown key \"parametres\"; did you mean \"parameters\"?"),
        ("method: random\n\(parameters)", ":1: method random comes later"),
        ("method: bayes\n\(parameters)", ":1: method bayes comes later"),
        ("method: gird\n\(parameters)", ":1: \"method\" needs grid"),
        (parameters, ": \"method: grid\" is missing"),
        ("method: grid\n", ": \"parameters\" is missing or empty"),
        ("- a\n", ": a sweep needs"),
        ("method: [grid\n", "not valid YAML"),
        ("method: grid\nearly_terminate: {type: hyperband}\n\(parameters)", ":2: early_terminate is not supported"),
        ("method: grid\nrun_cap: 0\n\(parameters)", ":2: \"run_cap\" needs a whole number from 1"),
        ("method: grid\nmetric: {goal: minimize}\n\(parameters)", ":2: \"metric\" needs a name"),
        ("method: grid\nmetric: {name: f1}\n\(parameters)", ":2: metric \"f1\" is unknown; it may be trainLoss"),
        ("method: grid\nmetric: {name: testLoss, goal: least}\n\(parameters)", "metric goal \"least\""),
        (
            "method: grid\nparameters:\n  leraning_rate: {value: 1}\n",
            ":3: unknown option \"leraning_rate\"; did you mean"
        ),
        ("method: grid\nparameters:\n  seed: 3\n", ":3: \"seed\" needs \"value\" or \"values\""),
        ("method: grid\nparameters:\n  seed: {values: []}\n", ":3: \"seed\" needs \"value\", or"),
        ("method: grid\nparameters:\n  seed: {values: 3}\n", ":3: \"seed\" needs \"value\", or"),
        ("method: grid\nparameters:\n  seed: {value: 1, values: [2]}\n", ":3: \"seed\" needs \"value\", or"),
        (
            "method: grid\nparameters:\n  epochs:\n    values: [1, two]\n",
            ":4: \"epochs\" needs a whole number, not \"two\""
        ),
        (
            "method: grid\nparameters:\n  dropout: {min: 0.0, max: 0.5}\n",
            ":3: \"dropout\": whole \"min\" and \"max\""
        ),
        ("method: grid\nparameters:\n  dropout: {distribution: normal}\n", ":3: \"dropout\": distribution normal"),
        (
            "method: grid\nparameters:\n  seed: {values: [1], probabilities: [1]}\n",
            ":3: \"seed\": \"probabilities\" is not"
        ),
        (
            "method: grid\nparameters:\n  batch_size: {value: 1}\n  batch-size: {value: 2}\n",
            "\"batch-size\" and \"batch_size\" are the same option"
        ),
        ("method: grid\npoints: {dropout: 1}\n\(parameters)", ":2: \"points\" needs a list"),
        (
            "method: grid\npoints:\n  - dropot: 1\n\(parameters)",
            ":3: unknown option \"dropot\"; did you mean \"dropout\"?"
        ),
    ]

    @Test("what is wrong is named with its line", arguments: refused)
    func refusals(yaml: String, fragment: String) {
        let failure = #expect(throws: Failure.self) { try SweepDefinition(yaml: yaml, path: "sweep.yaml") }
        #expect(failure?.kind == .data)
        #expect(
            failure?.message.hasPrefix("sweep.yaml:") == true && failure?.message.contains(fragment) == true,
            "\(failure?.message ?? "")")
        #expect(failure?.message.contains("\n") == false)
    }
}
