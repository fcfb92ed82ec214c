import DataLoading
import Foundation
import Testing

/// The real data sets, where they are installed.
struct InstalledDataTests {
    static let environment = ProcessInfo.processInfo.environment

    static func isInstalled(_ name: String, _ environment: [String: String]) -> Bool {
        (try? DatasetCatalogue.locate(name: name, environment: environment)) != nil
    }

    static func counts(_ images: LabelledImages) -> [Int] {
        images.labels.reduce(into: [Int](repeating: 0, count: images.classCount)) { $0[Int($1)] += 1 }
    }

    /// Debian's package dataset-fashion-mnist.
    @Test(.enabled(if: isInstalled("fashion-mnist", [:])))
    func fashionMNIST() throws {
        let data = try DatasetCatalogue.locate(name: "fashion-mnist", environment: [:]).load()
        #expect(data.imageShape == (28, 28, 1))
        #expect(data.train.count == 60_000)
        #expect(data.test.count == 10_000)
        #expect(data.train.pixels.count == 47_040_000)
        #expect(Self.counts(data.train) == [Int](repeating: 6_000, count: 10))
        #expect(Self.counts(data.test) == [Int](repeating: 1_000, count: 10))
        #expect(data.classNames[Int(data.train.labels[0])] == "Ankle boot")
        // The published mean of the train part: 0.2860.
        let sum = data.train.pixels.withBytes { $0.reduce(0) { $0 + Int($1) } }
        #expect(abs(Double(sum) / 47_040_000 / 255 - 0.2860) < 0.0001)
    }

    @Test(.enabled(if: environment["LOCKSTEP_DATA"] != nil && isInstalled("mnist", environment)))
    func mnist() throws {
        let data = try DatasetCatalogue.locate(name: "mnist", environment: Self.environment).load()
        #expect(data.imageShape == (28, 28, 1))
        #expect(Self.counts(data.train) == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949])
        #expect(Self.counts(data.test) == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009])
        // The published mean of the train part: 0.1307.
        let sum = data.train.pixels.withBytes { $0.reduce(0) { $0 + Int($1) } }
        #expect(abs(Double(sum) / 47_040_000 / 255 - 0.1307) < 0.0001)
    }
}
