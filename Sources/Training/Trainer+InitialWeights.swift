import Communication

extension Trainer {
    /// Begins with the tensors of a file, in place of those that are drawn. Collective; only worker 0 has them.
    func begin(with weights: InitialWeights?, _ communicator: borrowing Communicator) throws {
        try reducer.setParameters { weights?.load(parameters: $0) }
        try runningStatistics.setValues(communicator) { weights?.load(statistics: $0) }
    }
}
