// Trains a small convolutional network on Fashion-MNIST in a few seconds, and lets it look at some test images.
//
//     swift run -c release fashion-mnist-example [DATASET [FOLDER]]
//
// DATASET is a name or a folder with four IDX files; FOLDER takes the run, by default runs/example.
import Foundation
import Lockstep

let words = Array(CommandLine.arguments.dropFirst())
let dataset = words.first ?? "fashion-mnist"
let folder = words.count > 1 ? words[1] : "runs/example"

let model = Model {
    Convolution(8, kernel: 3, stride: 2, padding: 1)
    ReLU()
    for size in [64, 32] {
        Dense(size)
        ReLU()
    }
    Dense(10)
}

do {
    var settings = TrainingSettings()
    settings.dataset = dataset
    settings.epochs = 2
    settings.learningRate = 0.003
    settings["schedule"] = "cosine"

    print(model)
    let result = try model.train(settings, folder: folder, overwrites: true) { epoch in
        print("epoch \(epoch.epoch): training loss \(epoch.trainLoss ?? .nan)")
    }
    print("test accuracy \(result.testAccuracy ?? .nan), parameters \(result.parametersSHA256)")

    let network = try SavedNetwork(contentsOf: result.folder)
    let images = try TestImages(dataset)
    var hits = 0
    let shown = min(images.count, 10)
    for index in 0..<shown {
        let (pixels, label) = images[index]
        if try network.predictedClass(of: pixels) == label { hits += 1 }
    }
    print("\(hits) of the first \(shown) test images are recognised")
} catch let error as LockstepError {
    print("error: \(error)")
    exit(error.exitCode)
}
