import Checkpoints
import Communication
import Models
import Tensors

/// What a run is compared with at its end.
extension TrainingSession {
    /// What the best weights score on the test set; nil where no metric was chosen.
    func scoreBest(
        _ last: [MetricsPoint], epoch: Int, _ communicator: borrowing Communicator
    ) throws -> (loss: Double, accuracy: Double?, scores: RegressionScores?)? {
        guard let bestEpoch = best?.epoch else { return nil }
        if bestEpoch == epoch, let test = last.first(where: { $0.split == .test }), let loss = test.loss {
            return (loss, test.accuracy, test.scores)
        }
        // Only worker 0 is sure to see the file.
        var bytes: [UInt8] = []
        try communicator.onRoot { bytes = try directory?.readBest() ?? [] }
        bytes = try communicator.broadcast(bytes: bytes, root: 0)
        let parameters = AlignedBuffer<Float>(count: network.layout.floatCount)
        let state = AlignedBuffer<Float>(count: network.stateLayout.floatCount)
        try communicator.agree {
            let path = "the best checkpoint"
            let checkpoint = try Checkpoint(decoding: bytes, path: path)
            try network.loadEvaluated(checkpoint, parameters: parameters.base, state: state.base, path: path)
        }
        let result = try evaluator.evaluate(
            data.test, indices: (0..<Int32(data.test.count)).map { $0 }, parameters: parameters.base,
            state: state.base, division: trainer.division.grains.ungrouped, communicator: communicator)
        return (result.loss, result.accuracy, result.scores.map { RegressionScores(meanOf: $0) })
    }

    /// Outputs of an auto-encoder's narrowest layer, where that is narrower than the input.
    var bottleneck: Int? {
        guard configuration.loss.target == .input, network.narrowestFeatures < network.inputFeatures else { return nil }
        return network.narrowestFeatures
    }

    /// What as many principal components as the bottleneck has outputs would score; with squared errors only, which it
    /// then is the least of all linear ways, and up to a size that takes seconds.
    func pcaTestLoss(components: Int) -> Double? {
        // Components are those of pixels as they are.
        guard configuration.loss.kind == .meanSquaredError, configuration.data.standardization == nil,
            network.inputFeatures <= PrincipalComponents.quickFeatureCount
        else { return nil }
        let analysis = PrincipalComponents(data.train, indices: split.train, kernels: run.kernels)
        return analysis.reconstructionLosses(of: data.test, components: [components], kernels: run.kernels)[0]
    }
}
