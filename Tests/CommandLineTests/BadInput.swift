import Foundation
import Testing

/// One mistake that a user or a file can make, and how the program must answer.
struct BadInput: Sendable, CustomTestStringConvertible {
    let name: String
    let arguments: [String]
    let exitCode: Int32
    /// Parts of the one line on standard error.
    let fragments: [String]
    var environment: [String: String] = [:]
    /// Makes the mistake that lies outside the command line.
    var prepare: @Sendable (Workbench) throws -> Void = { _ in }

    var testDescription: String { name }

    /// `train` with the small data set and what is wrong.
    private static func training(
        _ name: String, _ arguments: [String] = [], _ exitCode: Int32, _ fragments: [String],
        environment: [String: String] = [:], prepare: @escaping @Sendable (Workbench) throws -> Void = { _ in }
    ) -> BadInput {
        BadInput(
            name: name, arguments: Workbench.training + ["--out", "run", "--quiet"] + arguments, exitCode: exitCode,
            fragments: fragments, environment: environment, prepare: prepare)
    }

    private static func file(
        _ name: String, _ content: String, _ exitCode: Int32, _ fragments: [String]
    ) -> BadInput {
        BadInput(
            name: name, arguments: ["train", "wrong.yaml", "--dataset", "./data", "--out", "run", "--quiet"],
            exitCode: exitCode, fragments: ["wrong.yaml"] + fragments
        ) { try $0.folder.write(content.utf8, to: "wrong.yaml") }
    }

    private static func data(
        _ name: String, _ exitCode: Int32, _ fragments: [String],
        _ damage: @escaping @Sendable (inout SmallDataset) throws -> Void
    ) -> BadInput {
        training(name, [], exitCode, fragments) { bench in
            var dataset = SmallDataset()
            try damage(&dataset)
            try dataset.write(in: bench.folder)
        }
    }

    private static func bytes(
        _ name: String, of file: String, _ fragments: [String], _ content: @escaping @Sendable () -> [UInt8]
    ) -> BadInput {
        training(name, [], 65, [file] + fragments) { bench in
            let plain = file.replacingOccurrences(of: ".gz", with: "")
            try FileManager.default.removeItem(atPath: "\(bench.folder.path)/data/\(plain)")
            try bench.folder.write(content(), to: "data/\(file)")
        }
    }

    private static let trainImages = SmallDataset().train.imageFile
    private static let billions = SmallDataset.header([4_000_000_000, 8, 8]) + [UInt8](repeating: 1, count: 64)

    private static let benchStep = ["bench", "step", "--dataset", "./data", "--model", SmallDataset.model]

    static let commandLine = [
        BadInput(
            name: "trace steps without a trace", arguments: benchStep + ["--trace-steps", "5"], exitCode: 64,
            fragments: ["--trace-steps", "--trace FILE"]),
        BadInput(
            name: "no trace steps", arguments: benchStep + ["--trace", "t.json", "--trace-steps", "0"], exitCode: 64,
            fragments: ["--trace-steps 0", "10000"]),
        training("unknown option", ["--nonsense"], 64, ["--nonsense", "--help"]),
        training("option without a value", ["--epochs"], 64, ["--epochs"]),
        training("text for a number", ["--epochs", "many"], 64, ["many", "--epochs"]),
        BadInput(name: "unknown command", arguments: ["trian"], exitCode: 64, fragments: ["trian"]),
        training("batch 0", ["--batch-size", "0"], 64, ["--batch-size 0"]),
        training("negative learning rate", ["--learning-rate=-0.1"], 64, ["--learning-rate -0.1", "positive"]),
        training("negative word of its own", ["--learning-rate", "-0.1"], 64, ["--learning-rate"]),
        training("unknown optimizer", ["--optimizer", "adan"], 64, ["adan", "adam"]),
        training("momentum of adam", ["--momentum", "0.9"], 64, ["--momentum", "adam"]),
        training("weights for other classes", ["--class-weights", "1,2"], 65, ["class-weights: 2 weights for 10"]),
        training(
            "typo in the schedule", ["--schedule", "cosin"], 64, ["schedule", "column 1", "did you mean \"cosine\""]),
        training("warm-up without a unit", ["--warmup", "5"], 64, ["warmup \"5", "steps", "epochs"]),
        training("clipping at 0", ["--clip-norm", "0"], 64, ["--clip-norm 0", "positive"]),
        training("batch size in words", ["--batch-size", "many"], 64, ["many", "--batch-size"]),
        training(
            "classes of inputs", ["--target", "input", "--loss", "cross-entropy"], 64,
            ["--loss cross-entropy", "mse, mae or bce"]),
        training("unknown target", ["--target", "inputs"], 64, ["--target inputs", "did you mean input"]),
        training(
            "too few outputs for the input", ["--target", "input"], 65, ["10 outputs", "64 elements", "dense 64"]),
        training(
            "several whole batches", ["--batch-size", "all", "--accumulate", "2"], 64,
            ["--accumulate 2", "--batch-size all"]),
        training(
            "patience without validation", ["--patience", "3"], 64, ["--patience", "--validation-split", "--metric"]),
        training("unknown metric", ["--metric", "val_loss"], 64, ["val_loss", "validation-loss"]),
        training(
            "accuracy of inputs",
            ["--metric", "test-accuracy", "--target", "input"], 64, ["--metric test-accuracy", "test-loss"]),
        training("tolerance without patience", ["--min-delta", "0.1"], 64, ["--min-delta", "--patience"]),
        BadInput(
            name: "more components than pixels", arguments: ["pca", "--dataset", "./data", "--components", "1,65"],
            exitCode: 65, fragments: ["--components 65", "64 pixels"]),
        BadInput(
            name: "components in words", arguments: ["pca", "--dataset", "./data", "--components", "1,two"],
            exitCode: 64, fragments: ["two", "--components"]),
        BadInput(
            name: "components of nothing", arguments: ["pca", "--dataset", "./nowhere"], exitCode: 66,
            fragments: ["./nowhere"]),
        training("a fold that is none", ["--fold", "3/2"], 64, ["--fold 3/2", "K/N"]),
        training(
            "a fold and a fraction", ["--fold", "1/2", "--validation-split", "0.1"], 64,
            ["--fold 1/2", "--validation-split 0.1", "exclude each other"]),
        training("more folds than samples", ["--fold", "1/601"], 64, ["--fold 1/601", "600 samples"]),
        training("shares of nothing", ["--stratified"], 64, ["--stratified", "--validation-split"]),
        training("more samples than there are", ["--samples", "601"], 65, ["--samples 601", "600 samples"]),
        training("no sample", ["--samples", "0"], 64, ["--samples 0"]),
        training("no part", ["--subset", "0"], 64, ["--subset 0"]),
        training("samples by number and part", ["--samples", "5", "--subset", "0.5"], 64, ["--samples", "--subset"]),
        training("a class that is none", ["--classes", "0,10"], 64, ["--classes 0,10", "\"10\" is no class"]),
        training("a class twice", ["--classes", "0,1+0"], 64, ["class 0 is there twice"]),
        training(
            "typo in a change of pictures", ["--augment", "shift 2, rotat 5"], 64,
            ["--augment", "\"rotat\" is unknown (did you mean rotate?)"]),
        training("a turn without an angle", ["--augment", "rotate"], 64, ["rotate takes DEGREES"]),
        training(
            "mixed pictures of a batch of one", ["--augment", "mixup 0.2", "--batch-size", "1"], 64,
            ["--augment mixup 0.2", "--batch-size 1 has none"]),
        training("mixed by nothing", ["--augment", "mixup 0"], 64, ["mixup 0.0 is outside 0.01 to 100.0"]),
        training("an order that is none", ["--shuffle", "block"], 64, ["--shuffle block", "full, blocks"]),
        training("blocks of nothing", ["--shuffle", "blocks 0 3"], 64, ["--shuffle blocks 0 3", "from 1"]),
        BadInput(
            name: "a preview of no change", arguments: ["data", "show", "./data", "--epochs", "3"], exitCode: 64,
            fragments: ["--epochs needs --augment"]),
        BadInput(
            name: "a preview of a picture mixed with none",
            arguments: ["data", "show", "./data", "--augment", "mixup 1", "--count", "1"], exitCode: 64,
            fragments: ["--augment mixup 1", "show two or more"]),
        training("unknown standardisation", ["--standardize", "pixels"], 64, ["pixels", "did you mean pixel"]),
        training(
            "standardised targets of a logit",
            ["--standardize", "pixel", "--target", "input", "--loss", "bce"], 64, ["--standardize pixel", "bce"]),
        training(
            "a validation part twice", ["--validation-split", "0.1"], 65, ["--validation-split 0.1", "of its own"]
        ) { bench in
            try SmallDataset().write(in: bench.folder)
            try bench.folder.write(SmallDataset().test.imageFile, to: "data/validation-images-idx3-ubyte")
            try bench.folder.write(SmallDataset().test.labelFile, to: "data/validation-labels-idx1-ubyte")
        },
        BadInput(
            name: "folds where all is measured", arguments: benchStep + ["--fold", "1/2"], exitCode: 64,
            fragments: ["--fold", "a benchmark"]),
        training("nothing but validation", ["--validation-split", "1"], 64, ["--validation-split 1"]),
        training(
            "typo in the model", ["--model", "dense 24, rulu, dense 10"], 64,
            ["column 11", "\"rulu\"", "did you mean \"relu\""]),
        training("unknown initialiser", ["--init", "ortogonal"], 64, ["ortogonal", "did you mean orthogonal?"]),
        training("unknown setting", ["--layers", "0: frozn"], 64, ["\"frozn\" is no setting"]),
        training("settings that meet nothing", ["--layers", "7: frozen"], 65, ["\"7\" meets no tensor", "0.weight"]),
        training("everything frozen", ["--layers", "*: frozen"], 65, ["nothing to train"]),
        training(
            "block that changes the shape", ["--model", "residual { dense 9 }, dense 10"], 65,
            ["layer 1", "[9]", "[8, 8]", "shortcut"]),
        training(
            "last layer does not match", ["--model", "dense 24, relu, dense 12"], 65,
            ["layer 3", "dense 12", "10 classes"]),
        training(
            "model beyond memory", ["--model", "dense 1000000, dense 1000000, dense 10"], 65, ["model", "memory"]),
        training(
            "nonsense in LOCKSTEP_ISA", [], 64, ["LOCKSTEP_ISA=nonsense"], environment: ["LOCKSTEP_ISA": "nonsense"]),
    ]

    static let files = [
        BadInput(
            name: "unknown data set", arguments: ["train", "--dataset", "fashin-mnist", "--out", "run", "--quiet"],
            exitCode: 66, fragments: ["fashin-mnist", "did you mean fashion-mnist"]),
        BadInput(
            name: "missing folder", arguments: ["train", "--dataset", "./nowhere", "--out", "run", "--quiet"],
            exitCode: 66, fragments: ["./nowhere"]),
        BadInput(
            name: "missing configuration", arguments: ["train", "nowhere.yaml"], exitCode: 66,
            fragments: ["nowhere.yaml"]),
        file("bad YAML", "epochs: 1\nseed: [1, 2\n", 65, ["wrong.yaml:3", "not valid YAML"]),
        file("not a mapping", "- epochs\n", 65, ["mapping"]),
        file("unknown key", "epochs: 1\nbatch-sise: 64\n", 65, [":2", "batch-sise", "batch-size"]),
        file("value of another type", "epochs: 1\nseed: soon\n", 65, [":2", "seed"]),
        file("value out of range", "epochs: 1\nbatch-size: 0\n", 65, ["batch-size"]),
        file("typo in a file's model", "model: dense 24, rulu, dense 10\n", 65, ["rulu"]),
        bytes("truncated gzip", of: "train-images-idx3-ubyte.gz", ["too early"]) {
            SmallDataset.gzip(Array(trainImages[..<30_000])).dropLast(1_000)
        },
        bytes("gzip of too little", of: "train-images-idx3-ubyte.gz", ["600"]) {
            SmallDataset.gzip(Array(trainImages[..<30_000]))
        },
        bytes("truncated file", of: "train-images-idx3-ubyte", ["600"]) { Array(trainImages.dropLast()) },
        bytes("wrong magic", of: "train-labels-idx1-ubyte", ["IDX"]) { [1, 2, 3, 4] + trainImages },
        bytes("billions of images", of: "train-images-idx3-ubyte", ["4,000,000,000"]) { billions },
        bytes("billions of images in gzip", of: "train-images-idx3-ubyte.gz", ["4,000,000,000"]) {
            SmallDataset.gzip(billions)
        },
        data("a label too few", 65, ["600 images", "599 labels"]) { $0.train.labels.removeLast() },
        data("label outside the classes", 65, ["t10k-labels", "12"]) { $0.test.labels[57] = 12 },
    ]

    /// What each rank finds out for itself, before MPI starts.
    static let onEveryRank = ["unknown option", "unknown command", "missing configuration", "missing checkpoint"].map {
        name in (commandLine + files + outputs).first { $0.name == name }!
    }

    static let outputs = [
        training(
            "folder below a file", ["--out", "./data/train-labels-idx1-ubyte/run"], 73, ["train-labels-idx1-ubyte/run"]),
        training("file in the folder's place", ["--out", "./data/train-labels-idx1-ubyte"], 73, ["train-labels"]),
        training("folder that nobody can make", ["--out", "/proc/nowhere"], 73, ["/proc/nowhere"]),
        training(
            "loss that is not finite", ["--optimizer", "sgd", "--learning-rate", "1e30"], 76,
            ["step ", "learning rate 1e+30"]),
        training(
            "test loss that is not finite",
            ["--optimizer", "sgd", "--learning-rate", "1e18", "--loss", "mse", "--steps", "1"],
            76, ["the test loss", "step 1", "learning rate 1e+18"]),
        training("folder with a run", [], 73, ["run", "--overwrite"]) { _ = try $0.train(out: "run") },
        BadInput(
            name: "trace in no folder", arguments: benchStep + ["--trace", "nowhere/trace.json"], exitCode: 73,
            fragments: ["nowhere/trace.json"]),
        BadInput(
            name: "trace in a folder's place", arguments: benchStep + ["--trace", "data"], exitCode: 73,
            fragments: ["data"]),
        BadInput(
            name: "missing checkpoint", arguments: ["evaluate", "nowhere.safetensors", "--dataset", "./data"],
            exitCode: 66, fragments: ["nowhere.safetensors"]),
    ]
}
