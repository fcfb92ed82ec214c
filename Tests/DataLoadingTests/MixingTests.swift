import DataLoading
import Errors
import Testing

@Suite("Mixed pictures")
struct MixingTests {
    private static func draws(_ mixing: Mixing, batch: Range<Int>, seed: UInt64 = 3, epoch: UInt64 = 2) -> [Mixing.Draw]
    {
        batch.map { mixing.draw(seed: seed, epoch: epoch, position: $0, batch: batch, height: 28, width: 20) }
    }

    @Test(
        "one mixer gives what the definition gives, byte for byte",
        arguments: [Mixing(mixup: 0.2), Mixing(mixup: 1), Mixing(cutmix: 1), Mixing(mixup: 0.4, cutmix: 2)],
        [(28, 28, 1), (7, 12, 3), (1, 1, 1), (3, 41, 1)])
    func equalsTheReference(_ mixing: Mixing, _ shape: (Int, Int, Int)) {
        let (height, width, channels) = shape
        let mixer = Mixer(mixing, height: height, width: width, channels: channels, seed: 11, capacity: 0)
        let batch = 40..<56
        let pictures = batch.map { number in
            (0..<height * width * channels).map { UInt8(truncatingIfNeeded: $0 &* 89 &+ number &* 151 &+ $0 / 7) }
        }
        for (place, position) in batch.enumerated() {
            let draw = mixer.draw(epoch: 3, position: position, batch: batch)
            #expect(
                draw
                    == mixing.draw(
                        seed: 11, epoch: 3, position: position, batch: batch, height: height, width: width))
            var result = [UInt8](repeating: 7, count: pictures[place].count)
            result.withUnsafeMutableBufferPointer {
                mixer.mix(pictures[place], pictures[draw.partner], draw, to: $0.baseAddress!)
            }
            #expect(
                result
                    == draw.reference(pictures[place], pictures[draw.partner], width: width, channels: channels))
        }
    }

    /// All weights, and bytes that show a wrong rounding or an overflow.
    @Test func everyWeight() {
        let mixer = Mixer(Mixing(mixup: 1), height: 1, width: 256, channels: 1, seed: 1, capacity: 0)
        let own = (0...255).map { UInt8($0) }
        for weight in Array(stride(from: 0, through: 65_536, by: 97)) + [1, 32_767, 32_768, 32_769, 65_535, 65_536] {
            for other in [own.reversed(), [UInt8](repeating: 255, count: 256), [UInt8](repeating: 0, count: 256)] {
                let draw = Mixing.Draw(partner: 0, weight: weight, cut: nil)
                var result = [UInt8](repeating: 7, count: 256)
                result.withUnsafeMutableBufferPointer { mixer.mix(own, Array(other), draw, to: $0.baseAddress!) }
                #expect(result == draw.reference(own, Array(other), width: 256, channels: 1), "\(weight)")
                if weight == 65_536 { #expect(result == own) }
                if weight == 0 { #expect(result == Array(other)) }
            }
        }
    }

    @Test func partnersAreOthersOfTheBatch() {
        let batch = 1_000..<1_010
        var met: [Set<Int>] = Array(repeating: [], count: 10)
        for epoch in UInt64(1)...200 {
            for (place, draw) in Self.draws(Mixing(mixup: 1), batch: batch, epoch: epoch).enumerated() {
                #expect((0..<10).contains(draw.partner) && draw.partner != place)
                met[place].insert(draw.partner)
            }
        }
        #expect(met.allSatisfy { $0.count == 9 })
        #expect(Self.draws(Mixing(mixup: 1), batch: 5..<6)[0].partner == 0)
    }

    /// What decides: seed, epoch and position; and of the batch only where it lies.
    @Test func drawsAreKeyed() {
        let mixing = Mixing(mixup: 0.5, cutmix: 0.5)
        let draws = Self.draws(mixing, batch: 0..<64)
        #expect(draws == Self.draws(mixing, batch: 0..<64))
        #expect(draws != Self.draws(mixing, batch: 0..<64, seed: 4))
        #expect(draws != Self.draws(mixing, batch: 0..<64, epoch: 3))
        let later = Self.draws(mixing, batch: 64..<128)
        #expect(draws.map(\.weight) != later.map(\.weight))
        // Another batch size: partners differ, shares do not.
        let halves = Self.draws(mixing, batch: 0..<32) + Self.draws(mixing, batch: 32..<64)
        #expect(halves.map(\.weight) == draws.map(\.weight) && halves.map(\.partner) != draws.map(\.partner))
    }

    /// Rectangles and shares belong together, and each of two changes comes about every second time.
    @Test func sharesAreAreas() {
        let (height, width) = (28, 20)
        var cutCount = 0
        var shares = 0.0
        for draw in (1...40).flatMap({ Self.draws(Mixing(mixup: 1, cutmix: 1), batch: 0..<50, epoch: $0) }) {
            guard let cut = draw.cut else { continue }
            cutCount += 1
            #expect(cut.rows.lowerBound >= 0 && cut.rows.upperBound <= height)
            #expect(cut.columns.lowerBound >= 0 && cut.columns.upperBound <= width)
            let kept = Double(height * width - cut.rows.count * cut.columns.count) / Double(height * width)
            #expect(abs(Double(draw.share) - kept) <= 0x1p-17)
            shares += Double(draw.share)
        }
        #expect((900...1_100).contains(cutCount))
        // λ is ½ in the mean; what hangs over the rim makes the own share larger.
        #expect((0.55...0.75).contains(shares / Double(cutCount)))
        let all = (1...40).flatMap { Self.draws(Mixing(cutmix: 1), batch: 0..<50, epoch: $0) }
        #expect(all.allSatisfy { $0.cut != nil })
        #expect(Self.draws(Mixing(mixup: 1), batch: 0..<50).allSatisfy { $0.cut == nil })
    }

    @Test func texts() throws {
        for text in ["mixup 0.2", "cutmix 1", "shift 2, mixup 0.4, cutmix 1"] {
            #expect(try Augmentation(text: text).text == text)
        }
        #expect(try Augmentation(text: "mixup 0.2").leavesSinglePictures)
        #expect(try !Augmentation(text: "mixup 0.2").isIdentity)
        #expect(try !Augmentation(text: "flip, mixup 0.2").leavesSinglePictures)
        for (text, message) in [("mixup 0", "outside 0.01 to 100.0"), ("cutmix", "cutmix takes ALPHA")] {
            let failure = #expect(throws: Failure.self) { try Augmentation(text: text) }
            #expect(failure?.message.contains(message) == true, "\(failure?.message ?? "")")
        }
    }
}
