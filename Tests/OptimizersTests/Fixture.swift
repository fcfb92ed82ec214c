import Foundation
import Optimizers

/// What PyTorch computes: Tests/Fixtures/optimizers.py.
struct Fixture: Decodable {
    struct Training: Decodable {
        let rule: String
        let hyperparameters: [String: Double]
        let isDefault: Bool
        let learningRate: Double
        let clipValue: Double?
        let clipNorm: Double?
        let average: Double?
        /// What tensors have of their own.
        let tensors: [Tensor]?
        /// After all steps, by tensor.
        let parameters: [[Double]]
        let averages: [[Double]]?
    }

    struct Tensor: Decodable {
        let learningRate: Double?
        let weightDecay: Double?
        let isFrozen: Bool?
    }

    struct ScheduleRates: Decodable {
        let name: String
        let schedule: String
        let warmUp: String?
        let learningRate: Double
        let rates: [Double]
    }

    let versions: [String: String]
    let start: [[Float]]
    /// By step and tensor.
    let gradients: [[[Float]]]
    let trainings: [Training]
    let stepsPerEpoch: Int
    let losses: [Double]
    let schedules: [ScheduleRates]

    static let shared: Fixture = {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Fixtures/optimizers.json")
        do { return try JSONDecoder().decode(Fixture.self, from: Data(contentsOf: path)) } catch {
            fatalError("\(path.path): \(error)")
        }
    }()
}

extension Fixture.Training {
    var tensorUpdates: [TensorUpdate] {
        (tensors ?? []).map {
            TensorUpdate(
                learningRateFactor: $0.learningRate.map { $0 / learningRate } ?? 1, weightDecay: $0.weightDecay,
                isFrozen: $0.isFrozen ?? false)
        }
    }

    func description() -> UpdateDescription? {
        guard let rule = OptimizerRule(rawValue: rule) else { return nil }
        var description = OptimizerDescription(rule)
        for (name, value) in hyperparameters {
            guard let hyperparameter = Hyperparameter(rawValue: name) else { return nil }
            description[hyperparameter] = value
        }
        return UpdateDescription(
            description, clipping: GradientClipping(value: clipValue, norm: clipNorm), averageDecay: average)
    }
}
