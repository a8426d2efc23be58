"""Words for pseudonyms: common ones, and rarer ones that cost a token more without their space.

A name such as ``alice`` is one token behind a space and often two behind a slash. The common words
are one token either way, so a pseudonym that has to fit both places is found among the rarer ones.
"""

from __future__ import annotations

from autotune.workload.filler import WORDS

_LISTED = """
abandon abbey absence absorb abstract academy accent acid acorn acoustic acre actress adapter
admiral adobe advent aerial affair agenda aisle alarm album alder algae alien alley almond alpine
amber ample anchor angel ankle antenna anthem antler apron arbor arcade arena armor aroma arrow
artery ash aspen atlas attic autumn avenue badge badger bakery balcony ballad bamboo banjo banner
barley barn baron basil basin basket bassoon battery bay bazaar beacon beaver beetle bell bench
berry birch biscuit bishop bison blanket blaze blossom bluff bonnet borough boulder bouquet bow
bracket brass bravely breeze briar brick bridge brisk bronze brook broom bucket buffalo bugle
bunker burrow butter cabbage cabin cactus camel canal candle canoe canvas canyon caravan carbon
cardinal cargo carpet carrot castle cathedral cavern cedar cello cellar chalk chapel charcoal
cheerful cherry chestnut chimney cider cinnamon circus citadel citrus clarinet clay cliff cloak
clover coach cobalt cobra cocoa coffee comet compass copper coral cottage cotton cougar coyote
crane crater crayon cricket crimson crocus crow crystal cuckoo curtain cypress daisy dam damp
dawn delta desert diamond ditch dizzy dolphin donkey dove dragon drift drum dune dusk dwarf eagle
easel echo elbow elk elm ember emerald engine envelope equator ermine estate ether evening fable
falcon fern ferry fiddle fig finch flame flannel flint flora flour flute foam fog forest fortress
fossil fountain fox freckle frost furnace gale galley gallop garden garlic garnet gazelle geyser
giant ginger giraffe glacier globe glove goblet goose gorge granite grape gravel grove guitar gull
hamlet hammer harbor harp hawk hazel heather hedge helmet heron hickory hollow honey horizon hornet
iceberg indigo inlet iris iron island ivory ivy jackal jade jaguar jasmine jelly jewel jolly juniper
kayak kennel kettle kingdom kitchen kite lagoon lake lamp lantern lark lava lavender leather lemon
lentil leopard lichen lilac lily lime linen lizard lobster locust loom lotus lumber lunar lynx
magnet magnolia mallet mango mantle maple marble mariner marsh meadow melon mercury meteor midnight
mill minnow mint mirror mist mitten moat monsoon moor moss moth mountain mulberry mural mustard
nectar needle nettle nickel nimble nomad nutmeg oak oasis oat ocean olive onion onyx opal orbit
orchard orchid organ osprey otter oven owl oyster paddle palace panther paper parade parchment
parrot pasture patio peach peacock pearl pebble pelican penguin pepper petal piano pigeon pillar
pine pirate planet plaster plateau plum pocket pond poplar poppy porch prairie prism puddle puffin
pumpkin puzzle quail quarry quartz quill quilt rabbit raccoon radish raft raisin ranch raven reef
ribbon ridge robin rocket rooster rosemary ruby saddle saffron sail salmon sandal sapphire satchel
satin scarlet scholar seagull shadow shark shell shepherd silk silver skillet slate sled sparrow
spice spider spinach spruce squirrel stable starling steeple stork summit sunset swallow swan
sycamore tambourine tangerine teapot temple terrace thistle thunder tiger timber topaz tortoise
trellis trombone trumpet tulip tundra turnip turquoise turtle twilight umbrella valley vanilla
velvet violet viper volcano vulture wagon walnut walrus weasel wharf wicker willow winter wolf
wombat woodland wren yarrow yonder zebra zephyr
"""

RARER: tuple[str, ...] = tuple(dict.fromkeys(_LISTED.split()))
"""Words of the country and the house, that most people are not called by."""

VOCABULARY: tuple[str, ...] = tuple(dict.fromkeys((*WORDS, *RARER)))
"""Both, each once."""

BY_LENGTH: dict[int, tuple[str, ...]] = {
    size: tuple(word for word in VOCABULARY if len(word) == size)
    for size in sorted({len(word) for word in VOCABULARY})
}
"""The vocabulary by the letters of its words."""
