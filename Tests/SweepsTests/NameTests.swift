import Errors
import Foundation
import Sweeps
import Testing
import Training

@Suite("Names of sweeps")
struct NameTests {
    private func definition(_ parameters: String, method: String = "grid") throws -> SweepDefinition {
        try SweepDefinition(yaml: "method: \(method)\nrun_cap: 9\nparameters:\n\(parameters)", path: "sweep.yaml")
    }

    @Test(
        "what people write is an option",
        arguments: [
            ("lr", "learning-rate"), ("learning_rate", "learning-rate"), ("Learning.Rate", "learning-rate"),
            ("num_layers", "hidden-layers"), ("num_hidden_layers", "hidden-layers"), ("hidden_layers", "hidden-layers"),
            ("hidden_layer_size", "hidden-size"), ("hidden_size", "hidden-size"),
            ("weight_initialization", "init"), ("weight_init", "init"), ("activation_function", "activation"),
            ("weight_decay", "weight-decay"), ("batch_size", "batch-size"), ("BATCHSIZE", "batch-size"),
            ("Epochs", "epochs"), ("loss_function", "loss"), ("beta_1", "beta1"), ("eps", "epsilon"),
            ("optimiser", "optimizer"), ("beta", "beta"), ("frobnicate", nil),
        ] as [(String, String?)])
    func options(written: String, option: String?) { #expect(SweepNames.option(written) == option) }

    @Test("every alias is one option's, and none is another option's name")
    func aliases() {
        let names = SweepNames.options.flatMap(\.names)
        #expect(Set(names).count == names.count)
        #expect(Set(names).isDisjoint(with: TrainingOptions.optionNames.map { SweepNames.plain($0) }))
        for (option, names) in SweepNames.options {
            #expect(TrainingOptions.optionNames.contains(option))
            #expect(names.allSatisfy { SweepNames.plain($0) == $0 })
        }
    }

    @Test("every value that an alias stands for is taken")
    func valuesAreTaken() throws {
        for (option, rows) in SweepNames.values {
            for (value, names) in rows {
                for name in names + [value] {
                    let definition = try definition("  \(option): {values: [\"\(name)\", \"\(value)\"]}\n")
                    let parameter = definition.parameters.first { $0.option == option }
                    #expect(parameter?.values.map(\.text) == [value], "\(option): \(name)")
                }
            }
        }
    }

    @Test(
        "what people write is a value",
        arguments: [
            ("optimizer", "nag", "nesterov"), ("optimizer", "Adam", "adam"), ("optimizer", "SGD", "sgd"),
            ("init", "he", "kaiming-uniform"), ("init", "Xavier", "xavier-uniform"), ("init", "random", "normal"),
            ("init", "normal 0.1", "normal 0.1"), ("loss", "mean_squared_error", "mse"),
            ("loss", "cross_entropy", "cross-entropy"), ("activation", "ReLU", "relu"), ("activation", "Tanh", "tanh"),
            ("dataset", "fashion_mnist", "fashion-mnist"), ("dataset", "./fashion", "./fashion"),
            ("learning-rate", "0.1", "0.1"),
        ])
    func values(option: String, written: String, value: String) {
        #expect(SweepNames.value(written, of: option) == value)
    }

    @Test("what names were taken for is said once")
    func notes() throws {
        let notes = try definition(
            "  lr: {value: 0.1}\n  optimizer: {values: [nag, sgd]}\n  num_hidden_layers: {values: [2, 3]}\n"
                + "  wandb_tag: {value: a}\n  Batch_Size: {value: 32}\n"
        ).notes
        #expect(
            Set(notes) == [
                "lr is learning-rate", "optimizer nag is nesterov", "num_hidden_layers is hidden-layers",
                "wandb_tag is unknown and left out", "family is mlp, since hidden-layers describes one",
            ], "\(notes)")
    }

    @Test("a misspelt name that does not vary is left out, with the name that it may be")
    func leftOut() throws {
        let definition = try definition("  epochz: {value: 3}\n  seed: {values: [1, 2]}\n")
        #expect(definition.parameters.map(\.option) == ["seed"])
        #expect(definition.notes == ["epochz is unknown and left out (is it epochs?)"])
    }

    @Test("beta is momentum's decay or RMSprop's, as the optimizer has it")
    func beta() throws {
        func rows(_ optimizers: String) throws -> [String] {
            try sweep("grid", "  beta: {values: [0.8, 0.9]}\n  optimizer: {values: [\(optimizers)]}\n").rows
        }
        #expect(try rows("momentum") == ["momentum=0.8 optimizer=momentum", "momentum=0.9 optimizer=momentum"])
        #expect(try rows("rmsprop") == ["alpha=0.8 optimizer=rmsprop", "alpha=0.9 optimizer=rmsprop"])
        #expect(
            try Set(rows("rmsprop, nag, adam")) == [
                "momentum=0.8 optimizer=nesterov", "momentum=0.9 optimizer=nesterov", "alpha=0.8 optimizer=rmsprop",
                "alpha=0.9 optimizer=rmsprop", "optimizer=adam",
            ])
        #expect(try rows("adam, sgd") == ["optimizer=adam", "optimizer=sgd"])
    }

    @Test("a hyperparameter is there only for optimizers that have it, and no trial is there twice")
    func optimizers() throws {
        let plan = try sweep(
            "grid", "  momentum: {values: [0.8, 0.9]}\n  optimizer: {values: [sgd, adam]}\n  beta1: {value: 0.7}\n")
        #expect(
            plan.rows == [
                "momentum=0.8 optimizer=sgd", "beta1=0.7 optimizer=adam", "momentum=0.9 optimizer=sgd",
            ])
        for trial in plan.trials { _ = try plan.options(of: trial).resolved() }
    }
}
