import Foundation
import Testing
import Training

/// The peers train what `bench step --suite networks` trains.
@Suite("Networks that are measured")
struct BenchmarkNetworkTests {
    private struct PeerNetwork: Decodable {
        let name: String
        let model: String
        let optimizer: String
        let batchSize: Int
        let target: String
    }

    @Test func peersTrainTheSame() throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Peers/networks.json")
        let peers = try JSONDecoder().decode([PeerNetwork].self, from: Data(contentsOf: file))
        #expect(peers.map(\.name) == BenchmarkNetwork.all.map(\.name))
        for (peer, own) in zip(peers, BenchmarkNetwork.all) {
            #expect(peer.model == own.model && peer.optimizer == own.optimizer, "\(own.name)")
            #expect(peer.batchSize == own.batchSize && peer.target == (own.target ?? "class"), "\(own.name)")
            _ = try own.configured(TrainingOptions())
        }
    }

    @Test func suitesByName() throws {
        #expect(try BenchmarkNetwork.suite("networks").count == BenchmarkNetwork.all.count)
        #expect(try BenchmarkNetwork.suite("cnn,mlp-bn").map(\.name) == ["cnn", "mlp-bn"])
        #expect(throws: (any Error).self) { try BenchmarkNetwork.suite("cnn,mlp") }
    }
}
