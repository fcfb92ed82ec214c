import DataLoading
import Errors
import Testing

struct SyntheticDigitsTests {
    static func load(_ name: String) throws -> ImageDataset {
        try DatasetCatalogue.locate(name: name, environment: [:]).load()
    }

    /// The bits of a thousand pictures, on every machine and for ever.
    @Test func bits() throws {
        let data = try Self.load("synthetic-digits:1000+200@7")
        #expect(data.identity == "a26bc2f227aa1e83450fb57dc45f74a0139f7164074894e358b0338795a70658")
    }

    @Test func namesAndCounts() throws {
        for (name, train, test) in [
            ("synthetic-digits:1", 1, 1), ("synthetic-digits:600", 600, 100), ("synthetic-digits:5+7", 5, 7),
            ("synthetic-digits:5+7@18446744073709551615", 5, 7),
        ] {
            let data = try Self.load(name)
            #expect((data.train.count, data.test.count) == (train, test))
            #expect(data.name == "synthetic-digits")
            #expect(data.imageShape == (28, 28, 1))
            #expect(data.classNames == (0..<10).map(String.init))
        }
        let standard = try DatasetCatalogue.locate(name: "synthetic-digits", environment: [:])
        #expect(
            standard.train
                == .synthetic(.init(digits: .init(trainCount: 60_000, testCount: 10_000, seed: 1), isTest: false)))
        for name in [
            "synthetic-digits:", "synthetic-digits:0", "synthetic-digits:-1", "synthetic-digits:1+",
            "synthetic-digits:1+2+3",
            "synthetic-digits@", "synthetic-digits@x", "synthetic-digits:1@2@3", "synthetic-digits:3000000000",
            "synthetic-digits:+1", "synthetic-digits:1@-1",
        ] {
            let failure = #expect(throws: Failure.self, "\(name)") { try Self.load(name) }
            #expect(failure?.kind == .usage)
            #expect(failure?.message.contains("synthetic-digits[:TRAIN[+TEST]][@SEED] is expected") == true)
        }
        let near = #expect(throws: Failure.self) { try Self.load("syntetic-digits") }
        #expect(near?.message.contains("did you mean synthetic-digits?") == true)
    }

    /// A sample is the same however many there are; parts, samples and seeds differ.
    @Test func samplesStandAlone() throws {
        let (few, many) = (try Self.load("synthetic-digits:50"), try Self.load("synthetic-digits:300"))
        for sample in 0..<50 {
            #expect(few.train.image(sample) == many.train.image(sample))
            #expect(few.train.labels[sample] == many.train.labels[sample])
        }
        #expect(many.train.image(0) != many.test.image(0))
        #expect(try Self.load("synthetic-digits:50@2").train.pixels.copy != few.train.pixels.copy)
        let statistics = PartStatistics(many.train)
        #expect(statistics.repeatedCount == 0)
        #expect(statistics.constantCount == 0)
    }

    @Test func classesAreEvenAndPicturesLookLikeDigits() throws {
        let statistics = PartStatistics(try Self.load("synthetic-digits:6000").train)
        // Binomial with deviation 23.
        for count in statistics.classCounts { #expect((500...700).contains(count)) }
        #expect((0.05...0.25).contains(statistics.mean))
        #expect((0.6...0.95).contains(statistics.zeroShare))
        #expect(statistics.levels[255] > 0)
    }
}
