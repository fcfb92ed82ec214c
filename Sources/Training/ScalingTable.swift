/// Predictions of a model for numbers of workers that double, on hosts with as many workers each.
package struct ScalingTable: Codable, Sendable {
    package let result: ScalingBenchmark.Result
    /// The result's, or one with another link.
    package let model: ScalingModel
    /// The same batch on more workers.
    package let sameBatch: [Row]
    /// As many grains for each worker as one has now.
    package let growingBatch: [Row]

    package struct Row: Codable, Sendable {
        package let prediction: ScalingModel.Prediction
        /// Samples per second for each worker, against those of a worker alone; and the same with `MPI_Allreduce`.
        package let efficiency: Double
        package let plainEfficiency: Double
    }

    /// Where the model knows no link, predictions end with one host.
    package init(result: ScalingBenchmark.Result, model: ScalingModel, perHost: Int, upTo limit: Int) {
        self.result = result
        self.model = model
        let workers = result.hosts.reduce(0, +)
        let alone = Double(result.batchSize) / result.aloneMicroseconds * 1e6
        let grainsPerWorker = max(1, model.grainCount / workers)
        let last = model.link.perByte > 0 ? limit : min(limit, perHost)
        var counts: [Int] = []
        var count = 1
        while count <= last {
            counts.append(count)
            count *= 2
        }
        func rows(_ grains: (Int) -> Int) -> [Row] {
            counts.filter { $0 <= perHost || $0 % perHost == 0 }.map { count in
                let hosts =
                    count <= perHost ? [count] : [Int](repeating: perHost, count: count / perHost)
                let prediction = model.predict(hosts: hosts, grainCount: grains(count))
                return Row(
                    prediction: prediction,
                    efficiency: prediction.samplesPerSecond / (alone * Double(count)),
                    plainEfficiency: prediction.plainSamplesPerSecond / (alone * Double(count)))
            }
        }
        sameBatch = rows { _ in model.grainCount }
        growingBatch = rows { $0 * grainsPerWorker }
    }
}
