import Foundation
import Sweeps
import Testing

/// `Tests/Fixtures/wandb-grid.json`: what wandb's package `sweeps` makes of a file, written by the script beside it.
struct WandbGrid: Decodable {
    struct Case: Decodable, CustomTestStringConvertible {
        let name: String
        let yaml: String
        let trials: [[String: Value]]

        var testDescription: String { name }
    }

    enum Value: Decodable {
        case number(Double)
        case text(String)

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            self = try (try? container.decode(Double.self)).map { .number($0) } ?? .text(container.decode(String.self))
        }

        func equals(_ value: SweepValue?) -> Bool {
            switch self {
            case .number(let number): value?.number == number
            case .text(let text): value?.text == text && value?.number == nil
            }
        }
    }

    let cases: [Case]

    static let shared: WandbGrid = {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Fixtures/wandb-grid.json")
        do { return try JSONDecoder().decode(WandbGrid.self, from: Data(contentsOf: file)) } catch {
            fatalError("\(file.path): \(error)")
        }
    }()
}

@Suite("Grid")
struct GridTests {
    @Test("trials come in wandb's order", arguments: WandbGrid.shared.cases)
    func order(grid: WandbGrid.Case) throws {
        let plan = try SweepPlan(SweepDefinition(yaml: grid.yaml, path: "sweep.yaml"))
        try #require(plan.trials.count == grid.trials.count)
        for (trial, expected) in zip(plan.trials, grid.trials) {
            // Numbers of layers imply a family of models, which wandb does not know.
            #expect(trial.parameters.count { $0.option != "family" } == expected.count)
            for (name, value) in expected {
                let option = name.split(separator: ".").last!.replacingOccurrences(of: "_", with: "-")
                #expect(value.equals(trial.value(of: option)), "trial \(trial.number): \(name)")
            }
        }
    }

    private func plan(_ parameters: String, _ rest: String = "") throws -> SweepPlan {
        try SweepPlan(SweepDefinition(yaml: "method: grid\nparameters:\n\(parameters)\n\(rest)", path: "sweep.yaml"))
    }

    private func rows(_ plan: SweepPlan) -> [String] {
        plan.trials.map { $0.parameters.map { "\($0.option)=\($0.value.text)" }.joined(separator: " ") }
    }

    @Test("points change what they name, keep the first of what varies, and go with every seed")
    func points() throws {
        let plan = try plan(
            "  epochs: {value: 3}\n  optimizer: {values: [adam, sgd]}\n  seed: {values: [1, 2]}",
            "points:\n  - {average: 0.5, epochs: 4}\n  - beta1: {values: [0.8, 0.7]}\n  - {optimizer: sgd}\n")
        #expect(
            rows(plan) == [
                "epochs=3 optimizer=adam seed=1", "epochs=3 optimizer=adam seed=2", "epochs=3 optimizer=sgd seed=1",
                "epochs=3 optimizer=sgd seed=2", "average=0.5 epochs=4 optimizer=adam seed=1",
                "average=0.5 epochs=4 optimizer=adam seed=2", "beta1=0.8 epochs=3 optimizer=adam seed=1",
                "beta1=0.8 epochs=3 optimizer=adam seed=2", "beta1=0.7 epochs=3 optimizer=adam seed=1",
                "beta1=0.7 epochs=3 optimizer=adam seed=2",
            ])
        #expect(plan.varying == ["epochs", "optimizer", "seed", "average", "beta1"])
    }

    @Test("run_cap ends the list; null leaves an option out; lists are one value")
    func values() throws {
        let capped = try plan("  seed: {min: 1, max: 9}", "run_cap: 3")
        #expect(rows(capped) == ["seed=1", "seed=2", "seed=3"])
        let null = try plan("  momentum: {values: [null, 0.9]}\n  optimizer: {value: sgd}")
        #expect(null.options(of: null.trials[0]).momentum == nil && null.options(of: null.trials[1]).momentum == 0.9)
        let lists = try plan("  family: {value: mlp}\n  hidden_size: {values: [[256, 128], 64]}")
        #expect(lists.options(of: lists.trials[0]).family.hiddenSize == "256,128")
        #expect(try plan("  batch_size: {value: 32}\n  learning_rate: {values: [1e-3, 0.001, 1e-2]}").trials.count == 2)
        let model = try plan("  model:\n    values:\n      - [{dense: 8}, relu, {dense: 10}]\n      - dense 10")
        #expect(model.trials.map { model.options(of: $0).model } == ["dense 8, relu, dense 10", "dense 10"])
    }

    @Test("options of the command line hold for all trials, but not against what varies")
    func overrides() throws {
        let definition = try SweepDefinition(
            yaml: "method: grid\nparameters: {epochs: {values: [1, 2]}, seed: {value: 4}}", path: "sweep.yaml")
        var overrides = try SweepPlan(definition).options(of: SweepPlan(definition).trials[0])
        overrides.epochs = nil
        overrides.seed = 9
        overrides.steps = 5
        let plan = try SweepPlan(definition, overrides: overrides)
        #expect(plan.trials.map { plan.options(of: $0).seed } == [9, 9])
        #expect(plan.trials.map { plan.options(of: $0).steps } == [5, 5])
        overrides.epochs = 3
        #expect(throws: (any Error).self) { try SweepPlan(definition, overrides: overrides) }
    }
}
