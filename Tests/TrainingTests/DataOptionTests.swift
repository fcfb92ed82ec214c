import DataLoading
import Errors
import Testing
import Training

@Suite("What is trained on")
struct DataOptionTests {
    private static func part(_ count: Int, first: Int = 0) throws -> LabelledImages {
        LabelledImages(
            pixels: try ByteBuffer((0..<count * 4).map { UInt8(truncatingIfNeeded: $0 + first) }),
            labels: (0..<count).map { UInt8($0 % 10 < 6 ? 0 : 1) }, height: 2, width: 2, channels: 1, classCount: 2)
    }

    private static func dataset(_ count: Int, validation: Int? = nil) throws -> ImageDataset {
        ImageDataset(
            name: "made", train: try part(count), test: try part(10), validation: try validation.map { try part($0) },
            classNames: [])
    }

    private static func options(_ change: (inout TrainingOptions) -> Void) -> TrainingOptions {
        var options = TrainingOptions()
        change(&options)
        return options
    }

    static let choices: [@Sendable (inout TrainingOptions) -> Void] = [
        { _ in }, { $0.validationSplit = 0.29 }, { $0.fold = "1/7" }, { $0.fold = "7/7" }, { $0.samples = 3 },
        {
            $0.validationSplit = 0.2
            $0.isStratified = true
        },
        {
            $0.fold = "2/3"
            $0.isStratified = true
            $0.samples = 20
        },
        {
            $0.subset = 0.29
            $0.validationSplit = 0.5
        },
        { $0.subset = 1e-9 }, { $0.subset = 1 },
    ]

    /// Parts are apart, and what a sweep foretells is what comes.
    @Test(arguments: choices.indices, [100, 103, 7])
    func splits(choice: Int, count: Int) throws {
        var options = TrainingOptions()
        Self.choices[choice](&options)
        let configuration = try options.resolved()
        let data = try Self.dataset(count)
        guard options.samples ?? 0 < count / 2 else { return }
        let split = try configuration.split(data)
        #expect(split.train.count == configuration.trainCount(of: data))
        #expect(Set(split.train).isDisjoint(with: split.validation))
        #expect(split.train == split.train.sorted() && Set(split.train).count == split.train.count)
        if options.samples == nil && options.subset == nil {
            #expect(split.train.count + split.validation.count == count)
        }
        // The file of a run reads back to the same.
        let again = try TrainingOptions(yaml: configuration.yaml, path: "config.yaml").resolved()
        #expect(again.data == configuration.data && again.yaml == configuration.yaml)
        #expect(try again.split(data) == split)
    }

    @Test("fewer samples are among more, with the same share of every class, and what is held out stays")
    func limits() throws {
        let data = try Self.dataset(100)
        func split(_ samples: Int?, stratified: Bool? = nil) throws -> ValidationSplit {
            try Self.options {
                $0.validationSplit = 0.2
                $0.samples = samples
                $0.isStratified = stratified
            }.resolved().split(data)
        }
        for stratified in [nil, true] {
            let all = try split(nil, stratified: stratified)
            var before: Set<Int32> = []
            for count in [10, 20, 40, 80] {
                let some = try split(count, stratified: stratified)
                #expect(some.validation == all.validation && some.train.count == count)
                #expect(before.isSubset(of: some.train) && Set(some.train).isSubset(of: all.train))
                before = Set(some.train)
                if stratified == true {
                    #expect(some.train.count { data.train.labels[Int($0)] == 0 } == count * 6 / 10)
                }
            }
        }
        #expect(throws: Failure.self) { try split(81) }
    }

    @Test("a data set's own validation part")
    func ownValidation() throws {
        let data = try Self.dataset(50, validation: 9)
        let split = try TrainingOptions().resolved().split(data)
        #expect(split.train == (0..<50).map { $0 } && split.validation == (0..<9).map { $0 })
        #expect(data.validationImages === data.validation)
        for change in [{ $0.validationSplit = 0.1 }, { $0.fold = "1/2" }] as [(inout TrainingOptions) -> Void] {
            let configuration = try Self.options(change).resolved()
            let failure = #expect(throws: Failure.self) { try configuration.split(data) }
            #expect(failure?.kind == .data && failure?.message.contains("validation part of its own") == true)
        }
        // The identity covers it, and is what it was without.
        let plain = try Self.dataset(50)
        let other = ImageDataset(
            name: "made", train: data.train, test: data.test, validation: try Self.part(9, first: 1), classNames: [])
        #expect(Set([plain.identity, data.identity, other.identity]).count == 3)
        #expect(plain.identity == "0ff2175142b697e1c5c353fa310e9533d727b52082788e1d5f796159496f5bef")
    }

    @Test("the option said last counts")
    func replacements() throws {
        let fold = Self.options { $0.fold = "1/2" }
        let fraction = Self.options { $0.validationSplit = 0.5 }
        #expect(fold.overriding(fraction).validationSplit == nil && fraction.overriding(fold).fold == nil)
        let some = Self.options { $0.samples = 5 }
        let share = Self.options { $0.subset = 0.5 }
        #expect(some.overriding(share).subset == nil && share.overriding(some).samples == nil)
    }

    @Test("Wilson's interval, against published values")
    func intervals() {
        // Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
        for (wrong, count, low, high) in [
            (81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718),
            (20, 20, 0.8389, 1),
        ] {
            let error = ErrorRate(wrongCount: wrong, of: count)
            #expect(abs(error.low - low) < 5e-5 && abs(error.high - high) < 5e-5, "\(error)")
            #expect(error.rate == Double(wrong) / Double(count))
        }
    }

    @Test("errors by writer")
    func writers() {
        // Writer 7: 1 of 1; 3: 6 of 10; 9: 0 of 5; 1: 1 of 4.
        let groups: [Int32] =
            [7] + .init(repeating: 3, count: 10) + .init(repeating: 9, count: 5) + .init(repeating: 1, count: 4)
        let isWrong: [Bool] =
            [true] + (0..<10).map { $0 < 6 } + .init(repeating: false, count: 5) + [true, false, false, false]
        let all = GroupError.all(groups: groups, isWrong: isWrong)
        #expect(all.map(\.group) == [1, 3, 7, 9] && all.map(\.error.wrongCount) == [1, 6, 1, 0])
        let writers = WriterErrors(all)
        // Rates 0, 0.25, 0.6, 1.
        #expect(writers.writerCount == 4 && abs(writers.mean - 0.4625) < 1e-15)
        #expect(zip(writers.quartiles, [0.1875, 0.425, 0.7]).allSatisfy { abs($0 - $1) < 1e-15 })
        // Six of ten prove more than one of one.
        #expect(writers.worst.map(\.group) == [3, 7, 1])
    }
}
