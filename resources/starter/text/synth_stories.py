# SPDX-License-Identifier: MIT
"""Story grammar: simple English stories with a request and questions about them."""
from synth_core import Grammar, cap, an

GIRLS = ("Lily Mia Anna Sara Lucy Emma Zoe Ella Amy Rosa Nora Ruby Molly Kate Ivy Maya Mei Lina Sofia Grace Eva Jane Daisy Hana Leila Tina Nina Aisha Bella "
         "Clara Rita Sue Polly Wendy Tara Iris Elsa Alma Priya Yuki").split()
BOYS = ("Tom Ben Sam Max Leo Jack Tim Dan Finn Noah Adam Luke Omar Ravi Kai Peter Oscar Eli Hugo Nick Alex Joe Will Mark Paul Ken Theo Jay Milo Felix Hassan "
        "Ivan Jun Otto Pablo Remi Toby Anton Bruno Carl").split()
PETS = ("Pip Bobo Coco Nibbles Fluffy Spot Momo Kiki Toto Sunny Hoppy Dot Biscuit Pepper Teddy Luna Ollie Tiny Goldie Whiskers Ziggy Nutty Bubbles Misty Rusty "
        "Pebble Willow Clover Bramble Berry Tuffy Mango Peanut Button Snowy Rocky Ginger Poppy Barley Fern").split()

# kind, home, food, way of moving, small trait
ANIM = [("rabbit", "burrow", "carrots", "hopped", "long soft ears"), ("bear", "cave", "honey", "walked", "thick brown fur"), ("fox", "den", "berries", "ran", "a red bushy tail"),
        ("mouse", "little hole", "cheese", "ran", "a long thin tail"), ("squirrel", "tall tree", "nuts", "jumped", "a fluffy tail"), ("duck", "pond", "bread", "waddled", "yellow feathers"),
        ("frog", "pond", "flies", "hopped", "smooth green skin"), ("owl", "old tree", "seeds", "flew", "big round eyes"), ("kitten", "cozy house", "fish", "ran", "soft gray fur"),
        ("puppy", "little house", "bones", "ran", "a happy tail"), ("bird", "nest", "seeds", "flew", "bright blue wings"), ("turtle", "garden by the lake", "leaves", "walked slowly", "a hard green shell"),
        ("elephant", "green valley", "bananas", "walked", "a long trunk"), ("lion", "grassland", "meat", "walked", "a golden mane"), ("monkey", "big tree", "bananas", "swung", "a long curly tail"),
        ("pig", "farm", "apples", "trotted", "a curly tail"), ("lamb", "farm", "grass", "skipped", "white fluffy wool"), ("hedgehog", "pile of leaves", "worms", "walked", "tiny sharp spines"),
        ("penguin", "land of ice", "fish", "waddled", "a black and white coat"), ("bee", "hive", "honey", "flew", "tiny shiny wings"), ("dragon", "cave on the hill", "hot soup", "flew", "shiny green scales"),
        ("butterfly", "flower garden", "nectar", "flew", "wings of many colors"), ("pony", "stable", "hay", "trotted", "a soft brown mane"), ("chick", "henhouse", "corn", "ran", "soft yellow feathers"),
        ("deer", "forest", "grass", "ran", "big brown eyes"), ("panda", "bamboo forest", "bamboo", "walked", "black and white fur"), ("tiger", "jungle", "meat", "walked", "orange and black stripes"),
        ("giraffe", "grassland", "leaves", "walked", "a very long neck"), ("koala", "tall tree", "leaves", "climbed", "a big round nose"), ("goat", "hill", "grass", "jumped", "two little horns"),
        ("snail", "garden", "leaves", "crept", "a round brown shell"), ("dinosaur", "green valley", "leaves", "walked", "a long strong tail")]
COLORS = "red blue green yellow orange purple pink white brown silver golden".split()
TOYS = ["ball", "kite", "doll", "toy car", "teddy bear", "drum", "toy boat", "picture book", "hat", "scarf", "balloon", "toy train", "bell", "toy robot", "puzzle", "whistle", "lantern",
        "umbrella", "bucket", "top", "wooden horse", "toy plane", "blanket", "backpack"]
PLACES = {"park": "in", "garden": "in", "forest": "in", "meadow": "in", "beach": "on", "lake": "at", "river": "by", "hill": "on", "farm": "on", "playground": "in", "village square": "in", "orchard": "in"}
WEATHER = ["sunny", "warm", "bright", "windy", "cool", "quiet", "lovely", "fine", "cloudy"]
TRAIT = ["kind", "brave", "curious", "cheerful", "gentle", "clever", "shy", "busy", "happy", "funny", "quiet", "sweet", "merry"]
FOODS = ["apple pie", "chocolate cake", "banana bread", "vegetable soup", "pancakes", "strawberry jam", "honey cookies", "lemon cake", "pumpkin soup", "berry muffins"]
VEG = ["carrot", "tomato", "pumpkin", "sunflower", "bean", "pea", "strawberry", "melon", "apple tree", "corn"]
HELP = [("owl", "wise old"), ("turtle", "slow old"), ("squirrel", "quick little"), ("bird", "small blue"), ("dog", "friendly brown"), ("rabbit", "kind white"), ("frog", "jolly green"), ("cat", "clever gray")]

G = Grammar({
    "day": ["One {weather} [day|morning|afternoon]", "One day", "One {weather} morning", "On a {weather} [day|morning]", "Early one morning", "One afternoon"],
    "happy": ["{hero} [was so happy|felt very happy|was full of joy|smiled a big smile|laughed with joy|jumped up and down with joy|could not stop smiling]."],
    "sad": ["{hero} [felt very sad|was very sad|began to cry|felt like crying|hung {his} head|sat down and sighed]."],
    "think": ["{hero} [thought for a while|thought about it|sat down and thought|thought and thought]."],
    "thanks": ["\"[Thank you|Thank you so much|Oh, thank you]!\" said {hero}.", "{hero} [thanked {fhim} again and again|said thank you|gave {fhim} a big hug]."],
    "endday": ["[That night|At bedtime], {hero} [fell asleep with a smile|slept very well|went to sleep happy|dreamed sweet dreams].", "{hero} went home [happy|with a smile|feeling warm inside|tired but happy].",
               "It was [the best day ever|a day {hero} would never forget|a very good day].", "And from that day on, {hero} and {friend} were the best of friends.",
               "[When the sun went down|When the stars came out], they all went home.", "And they [all lived happily ever after|were happy ever after]."],
    "went": ["{hero} [went|walked|ran] to the {place}"],
    "mother_says": ["[smiled and said|said softly|said|answered|told {him}]"],
})


def hero_ctx(rng, types="any"):
    c = {}
    kid = {"kid": True, "animal": False}.get(types, rng.random() < 0.55)
    girl = rng.random() < 0.5
    if kid:
        c["hero"] = rng.choice(GIRLS if girl else BOYS)
        c["kind"] = "girl" if girl else "boy"
        c["home"], c["food"], c["move"], c["look"] = rng.choice(["small house", "little village", "big city", "house near the sea", "house by the forest", "farm", "small town"]), rng.choice(["apples", "cookies", "pancakes", "soup", "rice"]), "ran", rng.choice(["curly hair", "a big smile", "brown eyes", "a red hat", "short black hair", "two long braids" if girl else "messy hair", "a yellow coat"])
    else:
        k = rng.choice(ANIM)
        c["hero"] = rng.choice(PETS)
        c["kind"], c["home"], c["food"], c["move"], c["look"] = k
    c["iskid"] = kid
    c["he"], c["him"], c["his"], c["himself"] = ("she", "her", "her", "herself") if girl else ("he", "him", "his", "himself")
    par = rng.choice([("mom", "she", "her", "her"), ("dad", "he", "him", "his"), ("grandma", "she", "her", "her"), ("grandpa", "he", "him", "his"), ("mother", "she", "her", "her"), ("father", "he", "him", "his")])
    c["par"], c["phe"], c["phim"], c["phis"] = par
    # the friend
    fg = rng.random() < 0.5
    if kid and rng.random() < 0.75:
        while True:
            f = rng.choice(GIRLS if fg else BOYS)
            if f != c["hero"]:
                break
        c["friend"], c["fkind"] = f, ("girl" if fg else "boy")
    else:
        while True:
            f, k = rng.choice(PETS), rng.choice(ANIM)[0]
            if f != c["hero"] and k != c["kind"]:
                break
        c["friend"], c["fkind"] = f, k
    c["fhe"], c["fhim"], c["fhis"] = ("she", "her", "her") if fg else ("he", "him", "his")
    c["color"], c["color2"] = rng.sample(COLORS, 2)
    c["toy"] = rng.choice(TOYS)
    c["place"], c["place2"] = rng.sample(list(PLACES), 2)
    c["inplace"], c["inplace2"] = ("%s the %s" % (PLACES[c[k]], c[k]) for k in ("place", "place2"))
    h = c["home"]
    c["inhome"] = ("on " if h == "farm" else "by " if h == "pond" else "on " if h == "hill" else "under " if h == "pile of leaves" else "in ") + an(h)
    c["friend_the"] = c["friend"] if c["fkind"] in ("girl", "boy") else c["friend"] + " the " + c["fkind"]
    c["weather"] = rng.choice(WEATHER)
    c["trait"] = rng.choice(TRAIT)
    c["dish"] = rng.choice(FOODS)
    c["veg"] = rng.choice(VEG)
    h = rng.choice([x for x in HELP if x[0] not in (c["kind"], c["fkind"])])
    c["helper"], c["helper_adj"] = h[0], h[1]
    return c


INTRO = ["Once upon a time, there was a {trait} [little|young|small] {kind} named {hero}.", "Once there was {a:trait} {kind} [named|called] {hero}.", "There was once a [little|small|young] {kind} [named|called] {hero}.",
         "{hero} was {a:trait} [little|young] {kind}.", "{inhome}, there lived a [little|young] {kind} named {hero}.", "A [little|small|young] {kind} named {hero} lived {inhome}.",
         "Long ago, a {trait} {kind} named {hero} lived {inhome}.", "{hero} was a [little|small] {kind} with {look}.", "Once upon a time, {inhome}, there lived a {kind} named {hero}."]
INTRO2 = ["?{He} had {look}.", "?{hero} loved to eat {food}.", "?Everyone liked {hero} because {he} was so {trait}.", "?{hero} lived with {his} {par}.", ""]

# name, hero type, lines, questions, themes for the request
S = []


def schema(name, types, themes, lines, qa, setup=None):
    S.append(dict(name=name, types=types, themes=themes, lines=lines, qa=qa, setup=setup))


schema("lost_toy", "any", ["{a:toy}", "a lost {toy}", "{a:kind} who lost {a:toy}"], [
    "{hero} had a {color} {toy}. [It was {his} favorite thing in the world.|{He} loved it very much.|{He} took it everywhere.|{hero} played with it every day.]", "/",
    "<day>, {hero} [took the {toy} to the {place}|played with the {toy} {inplace}|went to the {place} with the {toy}].",
    "[But when it was time to go home, the {toy} was gone!|After a while {he} looked around, and the {toy} was not there!|Then {he} sat down to rest. When {he} got up, the {toy} was gone!]", "<sad>",
    "\"Where is my {toy}?\" {he} [asked|said|cried].", "/",
    "{hero} looked [under the bushes|behind the big tree|in the tall grass]. It was not there. {He} looked [near the water|under the bench|behind the rocks]. It was not there [either|too].",
    "[Just then|Then], {friend_the} [came along|came by|walked past]. \"[Why are you sad?|What is wrong?|What are you looking for?]\" asked {friend}.",
    "\"I [lost|can't find] my {color} {toy},\" said {hero}. \"[Don't cry|Don't worry]. I will help you [look for it|find it],\" said {friend}.", "/",
    "[Together they looked and looked.|They looked everywhere together.] [At last|Soon|After a long time], {friend} saw something {color} [on a branch|in the leaves|in a small hole|beside a stone|under a leaf].",
    "\"[Look|Is this it]! {friendfound}\" [cried|said] {friend}.", "It was the {toy}! <happy>", "<thanks>",
    "?After that, {hero} always [took good care of|looked after] the {toy}.", "?{hero} let {friend} play with the {toy} too.", "<endday>"],
    [("What did {hero} lose?", "{hero} lost {his} {color} {toy}."), ("Who helped {hero}?", "{friend_the} helped {him}."), ("What color was the {toy}?", "The {toy} was {color}."), ("Where did {hero} play?", "{hero} played {inplace}.")],
    lambda c, r: c.update(friendfound=r.choice(["I found it!", "Here it is!", "I see it!"])))

schema("share", "any", ["sharing", "{a:toy}", "two friends and {a:toy}"], [
    "<day>, {hero} got a new {color} {toy}. [It was a gift from {his} {par}.|{His} {par} gave it to {him}.] <happy>", "/",
    "{friend} [saw the {toy} and said|came over and asked], \"[Can I play with it too?|May I have a turn?|It looks fun! Can I try?]\"",
    "\"No!\" said {hero}. \"It is mine!\" {friend} [felt sad and went away|was sad and walked home|looked at the ground and left].", "/",
    "{hero} played alone. At first it was fun. But [soon|after a while] {he} [felt lonely|got bored|did not feel so good]. [It is not fun to play alone, {he} thought.|A {toy} is not much fun when you have no one to play with.]",
    "{His} {par} <mother_says>, \"[When you share, you have twice the fun.|Sharing makes friends happy, and it will make you happy too.|A good friend is better than any toy.]\"", "/",
    "{hero} [ran|went] to {friend} and said, \"I am sorry. [Let's play together.|Do you want to play with me?|You can have the first turn.]\"",
    "{friend} smiled. \"[Yes, I would love to!|Of course!|Thank you!]\"", "They played with the {toy} [all day|until the sun went down|and laughed a lot].",
    "?{hero} learned that [it is good to share|sharing is more fun than playing alone].", "<endday>"],
    [("What did {hero} get?", "{hero} got a new {color} {toy}."), ("Why was {friend} sad?", "{friend} was sad because {hero} did not want to share."), ("What did {hero} learn?", "{hero} learned that it is good to share."), ("Did they become friends again?", "Yes, they played together and were happy.")])

schema("help_animal", "any", ["helping a friend", "a hurt {hurtkind}", "kindness"], [
    "<day>, {hero} [was walking near|went to] the {place}. [Suddenly|Then] {he} heard a small [sound|voice|cry].", "It was a little {hurtkind}. \"[Ouch|Oh no|Help]!\" [it said|it cried]. \"[My {hurtpart} hurts.|I hurt my {hurtpart} and I can't go home.]\"", "/",
    "{hero} [wanted to help|felt sorry for the {hurtkind}|knelt down]. \"[Don't be afraid|Don't worry],\" {he} said [softly|kindly]. \"I will help you.\"",
    "{He} [washed|cleaned] the {hurtpart} with water and put a [soft leaf|clean cloth] around it. Then {he} gave the {hurtkind} [some food|something to eat] and [some water|a warm place to rest].", "/",
    "Every day, {hero} [came back to visit|took care of the {hurtkind}]. [Day by day|Little by little], the {hurtkind} got better.",
    "[At last|One morning|After a week], the {hurtkind} could [move|play] again. \"[Thank you, {hero}! You are very kind|You saved me! Thank you],\" it said.", "/",
    "?Some days later, {hero} got lost {inplace2}. The {hurtkind} saw {him} and showed {him} the way home.", "{hero} learned that [a little kindness can go a long way|when you help others, they will help you too|it feels good to be kind].", "<endday>"],
    [("Who did {hero} help?", "{hero} helped a little {hurtkind}."), ("What was wrong with the {hurtkind}?", "Its {hurtpart} was hurt."), ("Where was {hero}?", "{hero} was {inplace}."), ("What did {hero} learn?", "{hero} learned that it feels good to be kind.")],
    lambda c, r: c.update(zip(("hurtkind", "hurtpart"), r.choice([x for x in [("bird", "wing"), ("rabbit", "leg"), ("kitten", "paw"), ("puppy", "paw"), ("hedgehog", "foot"), ("duck", "foot"), ("deer", "leg"), ("fox", "tail")] if x[0] != c["kind"]]))))

schema("fear", "any", ["being brave", "{a:kind} who was afraid of {fear}", "courage"], [
    "{hero} was not afraid of [many things|much]. But {he} was afraid of {fear}. [When {he} thought of {fear}, {he} wanted to hide.|{hero} did not tell anyone about it.]", "/",
    "<day>, {feartrigger}", "{hero} [began to shake|felt {his} heart beat fast|closed {his} eyes|wanted to run away]. \"I am scared,\" {he} said.",
    "{His} {par} [sat down next to {him}|held {his} hand|gave {him} a hug] and said, \"[Everyone is scared sometimes.|It is okay to be scared.|I was scared too when I was little.] [Being brave means you try even when you are afraid.|Let's try together, one small step at a time.]\"", "/",
    "{hero} took a deep breath. {fearstep}", "[It was not so bad!|Nothing bad happened.|It was not as scary as {he} thought.] {hero} [tried again|did it again], and this time {he} [smiled|was not so scared|felt strong].",
    "\"[You did it!|I am so proud of you!|See? You are very brave!]\" said {his} {par}.", "/", "[After that day|From then on], {hero} was not afraid of {fear} [anymore|any more].", "?{He} even helped {friend}, who was afraid of {fear} too.", "<endday>"],
    [("What was {hero} afraid of?", "{hero} was afraid of {fear}."), ("Who helped {hero}?", "{His} {par} helped {him}."), ("Was {hero} brave in the end?", "Yes, {hero} was brave. {He} was not afraid anymore.")],
    lambda c, r: c.update(zip(("fear", "feartrigger", "fearstep"), r.choice([
        ("the dark", "the lights went out. The whole room was dark.", "{He} looked at the dark room and saw only the chair, the bed and the toys. Outside, the stars were shining.".replace("{He}", cap(c["he"]))),
        ("storms", "a big storm came. The rain fell hard and the thunder went boom.", "{He} counted slowly after each flash of light. One, two, three, boom! It was like a big drum in the sky.".replace("{He}", cap(c["he"]))),
        ("deep water", "everyone went to the lake to swim.", "First {he} put one foot in the water. Then the other foot. Then {he} walked in slowly.".replace("{he}", c["he"])),
        ("high places", "the ball was stuck on top of the big hill.", "{He} went up one step, and then one more step, and did not look down.".replace("{He}", cap(c["he"]))),
        ("big dogs", "a big dog came to live next door. It said woof, woof!", "{He} held out a hand very slowly. The big dog sniffed it and wagged its tail.".replace("{He}", cap(c["he"]))),
        ("singing in front of others", "the teacher asked everyone to sing a song for the class.", "{He} looked at one friendly face and began to sing very softly, and then a little louder.".replace("{He}", cap(c["he"]))),
    ]))))

schema("learn", "any", ["learning to {skill}", "never giving up", "{a:kind} who wanted to {skill}"], [
    "{hero} had a big wish. {He} wanted to {skill}. [All {his} friends could do it, but {hero} could not.|{friend} could do it very well, but {hero} could not.]", "/",
    "<day>, {hero} tried to {skill}. {fail} \"[This is too hard!|I can't do it!|I will never learn!]\" {he} [said|cried].", "{friend} [saw this|heard {him}] and said, \"[Don't give up!|Try again!|I could not do it at first, too.] [I will show you how.|Let me help you.|Just practice a little every day.]\"", "/",
    "So {hero} tried again. {fail2} {He} tried [again and again|the next day, and the day after that|every day for a week]. [Each time it was a little better.|Little by little, it got better.]",
    "[Then one day|And at last|Finally], {hero} did it! \"[Look at me!|I did it! I did it!|I can {skill}!]\" {he} [shouted|cried] with joy.", "{friend} [clapped and cheered|was so proud of {him}|jumped up and down].", "/",
    "{hero} learned that [you must not give up|if you keep trying, you can do hard things|practice makes things easy].", "<endday>"],
    [("What did {hero} want to do?", "{hero} wanted to {skill}."), ("Did {hero} give up?", "No, {hero} did not give up. {He} tried again and again."), ("Who helped {hero}?", "{friend} helped {him}."), ("What did {hero} learn?", "{hero} learned that if you keep trying, you can do hard things.")],
    lambda c, r: c.update(zip(("skill", "fail", "fail2"), [x.replace("{He}", cap(c["he"])).replace("{he}", c["he"]).replace("{his}", c["his"]) for x in r.choice(
        [("ride a bike", "{He} wobbled to the left, wobbled to the right, and fell on the grass.", "{He} went a little farther and then fell again."), ("whistle", "{He} blew and blew, but no sound came out.", "There was a tiny sound, like the wind."),
         ("swim", "{He} splashed a lot and got water in {his} nose.", "{He} kicked and kicked and moved a little."), ("paint a picture", "The paint ran everywhere, and the sun looked like an egg.", "The sun looked like a sun, but the tree looked like a spoon."),
         ("play the drum", "It made a terrible noise, and the birds flew away.", "The noise was a little better, and only one bird flew away."), ("jump over the stream", "{He} jumped and landed in the water with a splash.", "This time only {his} feet got wet."),
         ("skate on the ice", "{He} slipped and sat down on the cold ice.", "{He} took three small steps and slipped again."), ("read", "The letters looked like little black bugs.", "{He} could read one word: cat."),
         ("dance", "{He} stepped on {his} own feet and fell over.", "{He} turned around once and did not fall."), ("tie a knot", "The string went over and under and came apart.", "The knot held for a moment and then came apart."),
         ("climb the big rock", "{He} slid back down and bumped {his} knee.", "{He} got halfway up."), ("bake bread", "The bread was as hard as a stone.", "The bread was soft, but it was burned on one side.")])])))

schema("bake", "any", ["baking", "{dish}", "cooking with {par}"], [
    "<day>, {hero} and {his} {par} [wanted to make|decided to make] {dish}. \"[Let's begin!|First we wash our hands,|Can you help me?]\" said {his} {par}.", "/",
    "They [put flour, milk and eggs in a big bowl|mixed everything in a big bowl]. {hero} [stirred and stirred|mixed it with a big spoon]. [Some flour flew up and landed on {his} nose.|A little bit fell on the floor.|{He} tasted a tiny bit. Yum!]",
    "[Then, oh no!|But then something went wrong.] {oops}", "\"[Oh no! I made a mistake,|I am sorry,]\" said {hero}. {His} {par} [laughed|smiled] and said, \"[Everyone makes mistakes. We can fix it.|It is okay. We can try again.]\"", "/",
    "They [worked together|tried again]. Soon the [whole house|kitchen] smelled [so good|sweet and warm].", "When it was ready, {hero} [took some to {friend}|called {friend} to come and eat]. \"[Mmm! This is so good!|This is the best {dish} I ever had!]\" said {friend}.", "<happy>", "<endday>"],
    [("What did they make?", "They made {dish}."), ("Who did {hero} cook with?", "{hero} cooked with {his} {par}."), ("Who came to eat?", "{friend} came to eat.")],
    lambda c, r: c.update(oops=r.choice(["{H} dropped an egg on the floor.", "{H} put in salt and not sugar.", "{H} spilled all the milk.", "The bowl fell down with a crash.", "{H} forgot the sugar."]).replace("{H}", c["hero"])))

schema("broken", "any", ["telling the truth", "a broken {brk}", "being honest"], [
    "<day>, {hero} was {rg1} inside the house. {His} {par} had said, \"Do not {rg2} inside.\" But {hero} forgot.", "[Crash!|Bang! Crash!|Then there was a loud crash.] The {brk} fell down and broke.", "/",
    "{hero} was [scared|worried]. [What should {he} do?|\"What should I do?\" {he} thought.] {He} [wanted to hide the pieces|thought about saying that the cat did it|hid behind the chair].",
    "But {his} [heart|tummy] felt [heavy|bad]. [\"I must tell the truth,\" {he} thought.|{hero} knew what was right.]", "/", "{hero} went to {his} {par} and said, \"[I am sorry|I did something bad]. I broke the {brk}.\"",
    "{His} {par} [looked at {him} for a moment|was quiet for a moment]. Then {phe} said, \"[Thank you for telling me the truth.|I am sad about the {brk}, but I am glad that you told me.] [That was very brave.|It is always good to be honest.]\"",
    "Together they [cleaned up the pieces|swept the floor|fixed it with glue].", "/", "{hero} felt [light and happy again|much better]. {He} learned that [it is best to tell the truth|telling the truth is brave].", "<endday>"],
    [("What did {hero} break?", "{hero} broke the {brk}."), ("Did {hero} tell the truth?", "Yes, {hero} told the truth."), ("Was {his} {par} angry?", "No, {his} {par} was glad that {hero} told the truth."), ("What did {hero} learn?", "{hero} learned that it is best to tell the truth.")],
    lambda c, r: c.update(zip(("brk", "rg1", "rg2"), (r.choice(["vase", "cup", "window", "lamp", "plate", "clock", "flower pot", "mirror"]),) + r.choice([("playing ball", "play ball"), ("running around", "run"), ("jumping up and down", "jump")]))))

schema("garden", "any", ["a garden", "{a:veg}", "planting a seed"], [
    "<day>, {friend} gave {hero} a tiny seed. \"[Plant it and take care of it|Put it in the ground and give it water]. [Then you will see something wonderful|You must wait]!\" said {friend}.", "/",
    "{hero} [dug a small hole|made a hole in the soft ground] and put the seed in. {He} gave it some water. Then {he} [sat down and waited|looked at the ground]. Nothing happened.", "The next day, {hero} looked again. Still nothing. \"[Why is it so slow?|When will it grow?]\" {he} asked.",
    "\"[Be patient|You must wait],\" said {his} {par}. \"[Good things take time.|Seeds need water, sun and time.]\"", "/", "So {hero} gave it water every day. [One week went by.|The sun came, and the rain came.] [Then, one morning|And one day], there was a tiny green leaf!",
    "The plant grew and grew. [At last|At the end of the summer], there was {a:bigveg}!", "<happy>", "/", "{hero} [shared it with|gave some to] {friend} and {his} {par}. [It tasted so good.|It was better than anything from the shop.|Everyone was happy.]",
    "{hero} learned to [be patient|wait for good things].", "<endday>"],
    [("What did {friend} give {hero}?", "{friend} gave {hero} a tiny seed."), ("What grew from the seed?", "{A:bigveg} grew from the seed."), ("What did {hero} learn?", "{hero} learned to be patient.")],
    lambda c, r: c.update(bigveg=r.choice(["big ", "beautiful ", "huge "]) + c["veg"]))

schema("newfriend", "any", ["making a new friend", "{a:kind} and {a:fkind}", "friendship"], [
    "{hero} had no one to play with. [Every day {he} played alone.|{He} felt lonely.] \"I wish I had a friend,\" {he} said.", "/", "<day>, {hero} saw a new {fkind} near the {place}. {friend} was [sitting alone|standing behind a tree|looking at the ground].",
    "{hero} was [a little shy|not sure what to say]. But {he} [took a deep breath|walked over] and said, \"Hello! My name is {hero}. What is your name?\"", "\"I am {friend},\" said the {fkind}. \"[I am new here.|I don't know anyone here.|I just moved here.]\"", "\"[Do you want to play with me?|Would you like to see the {place2}?]\" asked {hero}. {friend} [smiled|nodded]. \"Yes, please!\"", "/",
    "They [played hide and seek|built a tower of stones|ran up and down the hill|looked for pretty shells and leaves|drew pictures in the sand]. They [laughed a lot|had so much fun]. [{friend} was good at jumping, and {hero} was good at hiding.|They shared some {food}.]", "When it was time to go home, {friend} said, \"[Can we play again tomorrow?|Will you be my friend?]\"", "\"[Yes! Every day!|Of course!]\" said {hero}.", "/", "{hero} was not lonely [anymore|any more]. <endday>"],
    [("Who was {hero}'s new friend?", "{hero}'s new friend was {friend}."), ("Why was {hero} sad at first?", "{hero} had no one to play with."), ("Where did they meet?", "They met near the {place}.")])

schema("birthday", "any", ["a birthday", "a birthday party", "a surprise party"], [
    "It was {hero}'s birthday. {hero} [woke up early|jumped out of bed] and ran to {his} {par}. \"Good morning!\" {he} said. But {his} {par} [only said|just said], \"[I am busy|Good morning]. Please go and play outside.\"", "/",
    "{hero} went to {friend}. \"Do you know what day it is today?\" asked {hero}. \"[It is Monday|It is a nice day],\" said {friend}. \"[I have to go now|I have no time to play]. Bye!\"", "<sad> \"[Everyone forgot my birthday|No one knows that it is my birthday],\" {he} said.", "/",
    "{hero} walked [slowly|sadly] home. [It was very quiet.|All the lights were off.] {He} opened the door.", "\"Surprise!\" [they all shouted|everyone shouted]. \"Happy birthday, {hero}!\" There was {his} {par}, and {friend}, and all {his} friends. There were {color} balloons and a big {color2} cake.", "\"[You did not forget!|I thought you forgot!]\" said {hero}. \"[We would never forget|How could we forget]!\" said {friend}, and gave {him} a present. It was a {toy}!", "/", "They [sang and danced|ate cake and played games] [all afternoon|until night]. <happy> It was the best birthday ever."],
    [("Whose birthday was it?", "It was {hero}'s birthday."), ("Why was {hero} sad?", "{hero} thought that everyone forgot {his} birthday."), ("What present did {hero} get?", "{hero} got a {toy}."), ("What color was the cake?", "The cake was {color2}.")])

schema("treasure", "any", ["a treasure", "a treasure map", "an old map"], [
    "<day>, {hero} found an old [map|piece of paper with a map on it] [in a box|under the bed|in a hollow tree|behind a picture]. There was a big red X on it. \"A treasure map!\" {he} said.", "/", "{hero} showed the map to {friend}. \"[Let's find the treasure!|Let's go and look!]\" they said. They [took a bag and some {food}|put on their hats] and set off.",
    "First they walked past the {place}. Then they went [past a big rock|over a small bridge|around a dark pond]. [It was a long way, and {friend} got tired.|At one place they had to jump over a stream.] \"[Don't stop now. We are almost there,|Come on, I will hold your hand,]\" said {hero}.", "/",
    "At last they came to [an old tree|a tall oak tree|a cave near the {place2}]. \"This is the X!\" They [dug and dug|looked inside]. There was a small {color} box.", "{hero} opened it [slowly|carefully]. Inside was [not gold|no gold and no silver]. There was {tre}", "/", "At first they were [a little surprised|quiet]. Then they [laughed|smiled]. [\"This is better than gold,\" said {friend}.|\"The best part was looking for it with you,\" said {hero}.] <endday>"],
    [("What did {hero} find?", "{hero} found an old map."), ("Who went with {hero}?", "{friend} went with {him}."), ("What was in the box?", "In the box there was {treshort}.")],
    lambda c, r: c.update(zip(("tre", "treshort"), r.choice([("a note that said: The real treasure is a good friend.", "a note about friendship"), ("a bag of seeds for a flower garden.", "a bag of seeds"), ("a little silver bell that made the sweetest sound.", "a little silver bell"), ("a picture of two happy friends from long ago.", "an old picture of two friends"), ("a book full of old stories.", "a book full of stories"), ("a bright blue stone that shone like the sky.", "a bright blue stone")]))))

schema("race", "animal", ["a race", "{a:kind} and {a:fkind}", "a race between friends"], [
    "All the animals [were getting ready|came together] for the big race. {hero} wanted to win. {friend} the {fkind} wanted to win too.", "\"[I am faster than you,|I will win for sure,]\" said {friend}. {hero} [said nothing|smiled and said, \"We will see\"].", "/",
    "\"One, two, three, go!\" Off they went! {friend} was very fast and was soon far ahead. {hero} [ran and ran|did not stop]. [Step by step, {he} went on.|{He} kept going.]", "Then {friend} [looked back and laughed|thought, I have lots of time]. [But {fhe} did not look where {fhe} was going.|{Fhe} was not careful.] {friend} fell [into a muddy hole|over a root] and could not get [out|up]. \"Help!\" cried {friend}.", "/",
    "{hero} came near. [If {he} kept running, {he} would win.|The finish line was so close.] But {hero} stopped. \"[Take my hand,|Hold on to me,|I will help you,]\" {he} said, and pulled {friend} [out|up].", "\"Why did you stop? You could have won!\" said {friend}. \"[A friend is more important than a race,|Helping you is more important,]\" said {hero}.", "/", "They went to the finish line together, side by side. All the animals [cheered|clapped]. [They both got a prize.|\"You are both winners!\" they said.] <endday>"],
    [("Who was in the race?", "{hero} and {friend} were in the race."), ("What happened to {friend}?", "{friend} fell and could not get up."), ("Why did {hero} stop?", "{hero} stopped to help {friend}."), ("Who won the race?", "They finished together, so they both won.")])

schema("sick", "any", ["a sick friend", "helping a sick friend", "{a:kind} and {his} friend"], [
    "<day>, {hero} wanted to play with {friend}. But {friend} was [in bed|not outside]. \"I am sick,\" said {friend}. \"[My head hurts.|I have a cold.|My tummy hurts.] I can't play today.\"", "{hero} was sad for {friend}. \"[What can I do?|How can I help?]\" {he} thought.", "/",
    "{hero} had an idea. {He} went home and [made some hot soup|asked {his} {par} to make hot soup]. Then {he} [picked some {color} flowers|drew a funny picture]. {He} took [everything|it all] to {friend}.", "\"[Here is some soup for you,|This will make you feel better,]\" said {hero}. {friend} ate the warm soup. Then {hero} [read {fhim} a story|told {fhim} a funny story|sang {fhim} a song]. {friend} [laughed|smiled] and felt a little better.", "/",
    "\"You need to rest now,\" said {hero}. \"I will come back tomorrow.\" {friend} slept for a long time. [After two days|The next day|Soon], {friend} was [well|strong] again. \"[Thank you for taking care of me,|You are the best friend,]\" said {friend}.", "Then they went to the {place} and played together. <endday>"],
    [("Who was sick?", "{friend} was sick."), ("What did {hero} bring?", "{hero} brought hot soup."), ("Did {friend} get better?", "Yes, {friend} got better and they played together.")])

schema("lost_way", "any", ["getting lost", "a lost {kind}", "finding the way home"], [
    "<day>, {hero} and {his} {par} went to the {place}. \"Stay close to me,\" said {his} {par}. But {hero} saw a {color} {thing} and [ran after it|followed it].", "When {he} looked around, {his} {par} was not there. \"[Where am I?|I am lost!]\" said {hero}. <sad>", "/",
    "[\"I must stay calm,\" {he} thought.|{hero} remembered what {his} {par} always said: If you are lost, stop and ask for help.] {He} [sat down on a log|stood still and looked around].", "Just then, a {helper_adj} {helper} came by. [\"Are you lost, little one?\" asked the {helper}. \"Yes,\" said {hero}.|\"Why are you alone?\" asked the {helper}. \"I am lost,\" said {hero}.] \"I can't find my {par}.\"", "\"[Come with me. I will help you,|Don't be afraid. I know the way,]\" said the {helper}. They walked [past the big trees|along the little path|over the bridge] and called, \"Hello! Hello!\"", "/",
    "[Then|Soon] {hero} heard a voice. \"{hero}! {hero}! Where are you?\" It was {his} {par}! {hero} ran to {phim} and gave {phim} a big hug.", "\"I am sorry that I ran away,\" said {hero}. \"I will stay close to you.\" They [thanked|said thank you to] the {helper} and went home [together|hand in hand].", "<endday>"],
    [("Why did {hero} get lost?", "{hero} ran after a {color} {thing} and did not stay close to {his} {par}."), ("Who helped {hero}?", "A {helper_adj} {helper} helped {him}."), ("Did {hero} find {his} {par}?", "Yes, {hero} found {his} {par}.")],
    lambda c, r: c.update(thing=r.choice(["butterfly", "bird", "beetle", "balloon"])))

schema("moon", "any", ["the moon", "{a:kind} who wanted the moon", "a wish"], [
    "Every night, {hero} looked at the moon. It was so [round and bright|big and beautiful]. \"I want to touch the moon,\" {he} said.", "/", "First, {hero} climbed [a chair|a big rock]. But the moon was too far away. Then {he} climbed [a tree|a hill]. The moon was still too far away. [\"How can I reach it?\" {he} asked.|<sad>]", "{friend} [laughed kindly|looked up] and said, \"[The moon is very, very far away.|No one can jump that high.] [But I have an idea.|Come with me.]\"", "/", "{friend} took {hero} to the [pond|lake]. The water was [still|dark and quiet]. \"Look down,\" said {friend}. And there, in the water, was the moon!", "{hero} [put one finger in the water|touched the water softly]. The moon [danced and shook|broke into a hundred little lights], and then it was round again. \"I touched the moon!\" {hero} [said|whispered].", "/", "After that, {hero} and {friend} often [came to the water at night|sat by the water] to [say good night to|visit] the moon. <endday>"],
    [("What did {hero} want?", "{hero} wanted to touch the moon."), ("Who helped {hero}?", "{friend} helped {him}."), ("Where was the moon in the end?", "{hero} saw the moon in the water.")])

schema("sleep", "any", ["bedtime", "{a:kind} who could not sleep", "going to sleep"], [
    "It was late, but {hero} could not sleep. {He} [turned to the left and turned to the right|closed {his} eyes and opened them again]. \"I am not tired,\" said {hero}.", "/", "{His} {par} came in. \"[Count the stars in the sky,|Try to count sheep,]\" said {his} {par}. {hero} counted. One, two, three, four, five... But {he} was still awake.", "Then {hero} drank some warm milk. It was [good|sweet], but {he} was still awake.", "Then {his} {par} sang a soft song about the [moon|sea|wind]. It was [lovely|pretty], but {he} was still awake.", "/", "\"[What are you thinking about?|Is something wrong?]\" asked {his} {par}. \"[I am thinking about tomorrow,|I miss {friend},|I don't want the day to end,]\" said {hero}.", "\"[Tomorrow will come all by itself,|Tomorrow will be a good day too,|The day needs to sleep so it can come back,]\" said {his} {par}, and [held {his} hand|gave {him} a kiss]. \"[The birds are sleeping. The flowers are sleeping. Even the wind is sleeping.|The sun is sleeping, and the trees are sleeping too.]\"", "/", "{hero} [yawned|closed {his} eyes]. {He} thought of the sleeping [birds|trees] and the quiet [moon|night]. And soon {hero} was asleep, too. Good night, {hero}."],
    [("What was {hero}'s problem?", "{hero} could not sleep."), ("What did {hero} drink?", "{hero} drank some warm milk."), ("Did {hero} fall asleep?", "Yes, in the end {hero} fell asleep.")])

schema("stuck", "any", ["working together", "a {stk} in a tree", "teamwork"], [
    "<day>, {hero} heard a [small|sad] voice from above. A little {stk} was [sitting high in a tree|stuck in a tall tree]. \"[I can't get down!|Help me, please!]\" it cried.", "/", "{hero} tried to climb up, but the tree was too [high|tall]. \"I can't do it alone,\" {he} said. So {he} called {friend}. {friend} tried too, but {fhe} could not reach the {stk}.", "Then a {helper_adj} {helper} came. \"[What are you doing?|Can I help?]\" asked the {helper}. \"We want to get the {stk} down,\" said {hero}.", "They [thought and thought|looked at each other]. \"[I know! We can do it together,|I have an idea,]\" said {hero}. \"[If we stand on top of each other, we can be as tall as the tree!|We can hold a blanket, and the {stk} can jump!]\"", "/", "And so they did. [It was not easy.|They wobbled a little.] \"Now!\" said {hero}. The {stk} [jumped down|came down] and was safe.", "\"Thank you, thank you!\" said the {stk}. \"[You are good friends,|You are so kind,]\" it said.", "[Together we can do things that we can't do alone, thought {hero}.|They all learned that it is good to work together.] <endday>"],
    [("What was in the tree?", "A little {stk} was in the tree."), ("How did they help?", "They worked together to get the {stk} down."), ("Who helped {hero}?", "{friend} and a {helper} helped {hero}.")],
    lambda c, r: c.update(stk=r.choice([x for x in ["kitten", "mouse", "squirrel", "puppy", "monkey", "chick"] if x not in (c["kind"], c["fkind"], c["helper"])])))

schema("picky", "any", ["trying new food", "{a:kind} who did not like {vg}", "eating {vg}"], [
    "{hero} liked {food}. {He} ate {food} in the morning, {food} at noon and {food} at night. But {he} did not like {vg}. \"Yuck!\" said {hero}. \"I will never eat {vg}!\"", "/", "<day>, {his} {par} put some {vg} on the plate. \"[Just try one small bite,|Try it. You might like it,]\" said {his} {par}. \"No!\" said {hero}, and pushed the plate away.", "Then {friend} came to visit. {friend} saw the {vg} and [clapped|smiled]. \"Oh! I love {vg}! [They make me strong.|They are so good.]\" {friend} ate and ate.", "/", "{hero} looked at {friend}. [\"Is it really so good?\" {he} asked.|{He} was a little curious.] {He} took one tiny bite. {He} [chewed|waited]. Then {his} eyes grew big.", "\"[Mmm! It is good!|It is yummy!]\" said {hero}, and ate [it all|another bite, and another]. {His} {par} [laughed|smiled].", "?\"You never know if you like something until you try it,\" said {his} {par}.", "<endday>"],
    [("What did {hero} not like at first?", "{hero} did not like {vg} at first."), ("Who liked {vg}?", "{friend} liked {vg}."), ("Did {hero} try it?", "Yes, {hero} tried it and liked it.")],
    lambda c, r: c.update(vg=r.choice(["peas", "beans", "tomatoes", "green beans", "mushrooms", "beets", "pumpkins"])))

schema("wishes", "any", ["magic", "a magic {mag}", "three wishes"], [
    "<day>, {hero} found a [strange|shiny|little] {mag} [{inplace}|near the {place}]. When {he} touched it, it began to [glow|shine]. \"I am a magic {mag},\" it said. \"You have three wishes.\"", "/", "{hero} was [so surprised|very excited]. \"I wish for a mountain of {food}!\" {he} said. Poof! There was a mountain of {food}. {hero} ate and ate until {his} tummy hurt.", "\"I wish for a hundred toys!\" said {hero}. Poof! There were toys everywhere. But [there was no room to play|{hero} had no one to play with].", "/", "{hero} [thought for a long time|sat down and thought]. [{He} had one wish left.|Only one wish was left.] Then {he} saw {friend}, who [looked cold and sad|was sitting alone in the rain]. \"I wish that {friend} is [warm and happy|happy and never lonely],\" said {hero}.", "Poof! {friend} [smiled and came running|was warm and began to laugh]. They [shared the food and the toys|played together all day] and were very happy.", "\"That was the best wish of all,\" said the {mag}. <endday>"],
    [("What did {hero} find?", "{hero} found a magic {mag}."), ("How many wishes did {hero} have?", "{hero} had three wishes."), ("What was the last wish?", "The last wish was for {friend} to be happy.")],
    lambda c, r: c.update(mag=r.choice(["stone", "lamp", "ring", "shell", "feather", "key", "coin", "bottle"])))

schema("small_big", "animal", ["a small hero", "a big {bigk} and a small {smk}", "a little {smk} who helped"], [
    "{hero} lived near a big {bigk}. The {bigk} was [very strong and very proud|so big that the ground shook].", "<day>, a little {smk} walked over the {bigk}'s [nose|foot] by mistake. The {bigk} woke up and was angry. \"[Who is there?|How dare you!]\" it said. \"[Please let me go,|I am sorry,]\" said the {smk}. \"One day I will help you.\" The {bigk} laughed. \"You? You are so small!\" But it let the {smk} go. {hero} saw it all.", "/", "[A few days later|Some time later], the {bigk} was [caught in a net|stuck in a trap of ropes]. It pulled and pulled, but it could not get free. {hero} ran to help, but the ropes were too strong.", "\"[I know who can help!|Wait here!]\" said {hero}, and ran to find the {smk}. The {smk} came at once. With its tiny teeth, it [bit the ropes|cut the ropes] one by one. Snip, snap! The {bigk} was free.", "/", "\"Thank you, little friend,\" said the {bigk}. \"I was wrong. [Even small friends can do great things.|You are small, but you are a hero.]\" {hero} [clapped|was very happy]. From that day on, the three of them were good friends."],
    [("Who was caught?", "The big {bigk} was caught."), ("Who helped the {bigk}?", "The little {smk} helped the {bigk}."), ("What is the lesson?", "Even small friends can do great things.")],
    lambda c, r: c.update(bigk=r.choice([x for x in ["lion", "bear", "elephant", "tiger"] if x != c["kind"]]), smk=r.choice([x for x in ["mouse", "hamster", "squirrel"] if x != c["kind"]])))

schema("greedy", "any", ["being greedy", "too many {gd}", "{a:kind} who ate too much"], [
    "{hero} loved {gd}. <day>, {he} found a [big jar|basket|bag] full of {gd}. There was a note: \"Please take only one.\"", "{hero} took one. It was [so sweet|so good]. \"[One more will not hurt,|Just one more,]\" {he} said. {He} took one more, and one more, and one more. Soon [the jar was empty|there were none left].", "/", "Then {friend} came. {friend} looked [inside|at the empty place] and said, \"[Oh no! There are no {gd} left for me.|Who ate all the {gd}?]\" {friend} was very sad.", "{hero} felt bad. And {his} tummy [began to hurt|felt terrible]. \"Ooh,\" said {hero}. \"I ate too many. I am sorry, {friend}. [I was greedy.|I did not think of you.]\"", "/", "The next day, {hero} [made new {gd}|got some new {gd}] and gave them to {friend}. \"[These are all for you,|Please take as many as you like,]\" {he} said. {friend} smiled and said, \"Let's share them. One for you, and one for me.\"", "They [sat in the sun and ate slowly|ate them together]. [It tasted even better.|Sharing made them taste twice as good.] <endday>"],
    [("What did {hero} find?", "{hero} found a lot of {gd}."), ("Why did {his} tummy hurt?", "{hero} ate too many {gd}."), ("What did {hero} do the next day?", "{hero} gave new {gd} to {friend}.")],
    lambda c, r: c.update(gd=r.choice(["cookies", "berries", "candies", "cherries", "nuts", "honey cakes", "plums", "muffins"])))

schema("clean", "kid", ["cleaning the room", "a messy room", "{a:toy} in a messy room"], [
    "{hero}'s room was very messy. There were [socks on the chair|books on the floor], toys under the bed and [crumbs on the table|paper everywhere]. \"Please clean your room,\" said {his} {par}. \"[Later,|Not now,]\" said {hero}. \"I want to play.\"", "/", "{hero} wanted to play with {his} {color} {toy}. But where was it? {He} looked under the bed. {He} found [one shoe|a sock]. {He} looked [on the shelf|in the box]. {He} found [an old apple|a broken pencil]. {He} could not find the {toy}.", "\"[I can't find my {toy}!|My {toy} is lost!]\" said {hero}. \"[If everything has its place, nothing gets lost,|It is hard to find things in a mess,]\" said {his} {par}.", "/", "So {hero} began to clean. {He} put the books on the shelf. {He} put the socks in the basket. {He} put the toys in the box. And there, [under a big shirt|behind the pillow], was the {color} {toy}!", "Now the room was clean, and {hero} [had lots of room to play|felt proud]. \"[Good job!|Well done!]\" said {his} {par}. <endday>"],
    [("What was {hero} looking for?", "{hero} was looking for {his} {color} {toy}."), ("What did {hero} do with the room?", "{hero} cleaned the room."), ("Did {hero} find the {toy}?", "Yes, {hero} found the {toy}.")])

schema("show", "any", ["a show", "{a:kind} who sang a song", "a song"], [
    "{hero} loved to sing. {He} sang in the [morning|bath] and {he} sang [at night|in the garden]. <day>, there was going to be a big show {inplace}. \"You should sing in the show!\" said {friend}.", "\"[Oh no|But] everyone will look at me,\" said {hero}. \"[What if I forget the words?|What if they laugh at me?]\" \"[I will stand in the front row,|Just look at me,]\" said {friend}. \"[You can do it.|Your voice is beautiful.]\"", "/", "The day of the show came. {hero} stood on the [stage|big stone]. So many eyes! {His} legs shook. {He} opened {his} mouth, but no sound came out.", "Then {he} saw {friend}. {friend} smiled and began to [hum|clap] the song softly. {hero} took a deep breath and sang. First it was quiet. Then it was [loud and clear|like a bell].", "/", "When the song was over, everyone [clapped and cheered|stood up and clapped]. \"[More! More!|Sing it again!]\" they called. <happy>", "\"I could not do it without you,\" {hero} said to {friend}. <endday>"],
    [("What did {hero} love to do?", "{hero} loved to sing."), ("Why was {hero} afraid?", "{hero} was afraid that everyone would look at {him}."), ("Who helped {hero}?", "{friend} helped {him}.")])

schema("picnic", "any", ["a picnic", "a rainy picnic", "a picnic {inplace}"], [
    "<day>, {hero} and {friend} wanted to have a picnic {inplace}. They packed {food}, [some bread|some cake] and [a bottle of juice|some milk]. [\"I hope it does not rain,\" said {friend}.|They were very excited.]", "When they came to the {place}, they put a {color} blanket on the grass. [The birds were singing.|It was so pretty.] But then a [gray|big dark] cloud came. Plip, plop! It began to rain!", "/", "\"Our picnic!\" cried {friend}. They took everything and ran. \"[Under the big tree!|Over there! A little cave!]\" said {hero}. They sat down there. They were wet and [a little sad|cold].", "Then {hero} began to laugh. \"[Your hair looks so funny!|Look at us! We look like two wet fish!]\" {friend} laughed too. They ate their food and told [funny stories|jokes]. They listened to the rain.", "/", "When the rain stopped, there was a big rainbow in the sky. \"[Oh, how pretty!|Look at all the colors!]\" said {friend}. \"[If it had not rained, we would not see it,|That was the best picnic ever,]\" said {hero}. <endday>"],
    [("Where did they have the picnic?", "They had the picnic {inplace}."), ("What happened?", "It began to rain."), ("What did they see after the rain?", "They saw a big rainbow.")])

schema("dragon", "kid", ["a dragon", "a lonely dragon", "{a:kind} and a dragon"], [
    "Near the village, there lived a [big|green|huge] dragon. Everyone was afraid of it. \"[Stay away from the dragon!|Never go up the hill!]\" they said. But {hero} was [curious|brave].", "<day>, {hero} went up the hill. {He} heard a strange sound. It was not a roar. The dragon was crying!", "/", "\"Why are you crying?\" asked {hero}. The dragon looked up. \"[No one wants to play with me,|I am so lonely,]\" it said. \"[Everyone runs away when they see me.|They all think I am bad, but I am not.]\"", "\"I will play with you,\" said {hero}. The dragon was so [surprised|happy] that a little smoke came out of its nose. They [played hide and seek|played catch with a {color} ball]. The dragon [told funny jokes|gave {hero} a ride on its back].", "/", "Then winter came, and it was very cold in the village. The wood was wet, and no one could make a fire. \"[I know who can help!|My friend can help us!]\" said {hero}, and called the dragon. The dragon blew a small warm fire, and soon every house was warm.", "\"Thank you, dragon!\" said the people. \"[We were wrong about you.|We are sorry that we were afraid.]\" And the dragon was never lonely again."],
    [("Why was the dragon crying?", "The dragon was lonely."), ("Was the dragon bad?", "No, the dragon was kind."), ("How did the dragon help the village?", "The dragon made a fire to keep the people warm.")])

schema("first_day", "kid", ["the first day of school", "going to school", "a new school"], [
    "It was the first day of school. {hero} put on {his} {color} backpack. {His} tummy felt [funny|like it was full of butterflies]. \"[I don't want to go,|What if no one likes me?]\" {he} said to {his} {par}.", "\"[New things are a little scary,|It is okay to feel nervous,]\" said {his} {par}. \"[But you might make a new friend today.|I will come and get you after school.]\"", "/", "At school, there were so many children. {hero} sat down [in the back|near the window]. A {fkind2} sat down next to {him}. {fhe2cap} had tears in {fhis2} eyes. \"[I miss my mom,|I am scared,]\" {fhe2} said. {fhe2cap} was {friend2}.", "\"I am a little scared too,\" said {hero}. \"[Do you want to draw with me?|Let's be scared together!]\" {friend2} smiled. They drew [a {color2} house|a big {color2} cat|a funny sun] and shared their crayons.", "/", "They learned a new song, heard a story and played outside. When {his} {par} came, {hero} did not want to go home yet. \"[School is fun!|I have a new friend!]\" said {hero}. \"[Can I go again tomorrow?|I want to come back tomorrow!]\""],
    [("What day was it?", "It was the first day of school."), ("Who was {hero}'s new friend?", "{hero}'s new friend was {friend2}."), ("How did {hero} feel at first?", "{hero} felt nervous at first.")],
    lambda c, r: (lambda g: c.update(friend2=r.choice([n for n in (GIRLS if g else BOYS) if n != c["hero"]]), fkind2="girl" if g else "boy", fhe2="she" if g else "he", fhe2cap="She" if g else "He", fhis2="her" if g else "his"))(r.random() < 0.5))

schema("winter", "animal", ["winter", "getting ready for winter", "{a:kind} and {a:fkind} in winter"], [
    "It was [summer|fall]. {hero} worked every day. {He} [gathered {food}|put {food} in a safe place] for the cold winter. {friend} the {fkind} [played and sang|slept in the sun] all day.", "\"Why do you work so hard?\" asked {friend}. \"[Come and play with me!|Winter is far away!]\" \"[In winter there will be snow and no food,|I want to be ready for winter,]\" said {hero}. But {friend} only laughed.", "/", "Then winter came. Snow fell [day and night|on everything]. {hero} was warm and had enough to eat. But {friend} was cold and hungry. {friend} knocked at {hero}'s door. \"[Please, may I come in?|I have nothing to eat,]\" said {friend}.", "{hero} [thought for a moment|looked at {fhim}]. \"[Come in,|You are my friend,]\" {he} said. \"[Sit by the fire and eat with me.|There is enough for two.]\"", "/", "\"Thank you,\" said {friend}. \"[Next summer I will work with you.|I was silly. I learned my lesson.]\" All winter, {friend} sang songs for {hero}, and they were warm and happy. And the next summer, they worked together and played together."],
    [("What did {hero} do in the summer?", "{hero} gathered food for the winter."), ("What did {friend} do in the summer?", "{friend} played and did not work."), ("Did {hero} help {friend}?", "Yes, {hero} let {friend} come in and eat.")])

schema("monster", "kid", ["a monster under the bed", "a friendly monster", "{a:kind} and a monster"], [
    "Every night, {hero} heard a [noise|soft sound] under the bed. [Scratch, scratch.|Bump, bump.|Sniff, sniff.] \"There is a monster under my bed!\" {he} told {his} {par}. {His} {par} looked, but there was nothing [there|but dust].", "That night, {hero} heard it again. {He} took {his} light, [was very brave|took a deep breath] and looked under the bed. Two [big|yellow] eyes looked back!", "/", "\"Please don't hurt me!\" said a tiny voice. It was a small {color} monster with [three ears|fluffy fur|a long nose]. It was shaking. \"[You are afraid of me?|Why are you afraid?]\" asked {hero}. \"[Children are so loud and so big,|Yes! There is a child on top of my house,]\" said the monster.", "{hero} [laughed|smiled]. \"I will not hurt you. My name is {hero}.\" \"I am {mon},\" said the monster. \"[I only want to sleep, but it is cold here.|I lost my blanket.]\" So {hero} gave {mon} [a warm blanket|an old {color2} scarf].", "/", "\"Thank you,\" said {mon}. From that night on, {hero} was not afraid. Every night {he} said, \"Good night, {mon}.\" And a tiny voice answered, \"Good night, {hero}.\""],
    [("What was under the bed?", "A small {color} monster was under the bed."), ("What was the monster's name?", "The monster's name was {mon}."), ("Was the monster bad?", "No, the monster was small and afraid.")],
    lambda c, r: c.update(mon=r.choice(["Gog", "Mumbo", "Fuzz", "Bub", "Zum", "Grum", "Wobble", "Moof"])))

schema("mystery", "any", ["a mystery", "the missing {myst}", "who took the {myst}"], [
    "<day>, {hero} woke up and the {myst} [was gone|were gone]! \"Who took the {myst}?\" {he} asked. \"I will find out.\"", "First {hero} looked at the floor. There were [small tracks|tiny footprints] on it. \"A clue!\" said {hero}. {He} followed the tracks out of the door.", "/", "The tracks went to {friend}'s house. \"Did you take the {myst}?\" asked {hero}. \"No,\" said {friend}. \"[I was asleep.|I was {inplace}.] But I will help you look.\" So they went on together.", "Then they found [some crumbs|a {color} thread|a feather]. \"Another clue!\" They followed it to [a big bush|an old box|a hole in the wall]. They heard a soft sound. [Munch, munch.|Sniff, sniff.] They looked inside, and there was a little {thief}, with the {myst}!", "/", "\"I am sorry,\" said the {thief}. \"[My babies were hungry and cold.|I was so hungry, and I did not know how to ask.]\" {hero} was not angry. \"[Next time, just ask. We will share with you,|You can come and eat with us,]\" {he} said.", "So the mystery was solved, and {hero} had a new friend. <endday>"],
    [("What was missing?", "The {myst} was missing."), ("Who took the {myst}?", "A little {thief} took the {myst}."), ("Was {hero} angry?", "No, {hero} was not angry. {He} wanted to share.")],
    lambda c, r: c.update(myst=r.choice(["bread", "cheese", "cake", "pie", "jar of honey", "soup"]), thief=r.choice([x for x in ["mouse", "hamster", "raccoon", "hedgehog"] if x not in (c["kind"], c["fkind"])])))

schema("caterpillar", "any", ["a butterfly", "a caterpillar", "waiting"], [
    "<day>, {hero} found a small green caterpillar on a leaf. \"Hello, little one,\" said {hero}. {He} put it in a [box|jar] with [fresh leaves|lots of leaves]. Every day the caterpillar ate and ate, and grew and grew.", "Then one day, the caterpillar did not eat. It made a little [bag|house] around itself and did not move. [\"Is it sick?\" asked {hero}. \"No, it is changing,\"|\"What is wrong?\" asked {hero}. \"It is only sleeping,\"] said {his} {par}. \"[You must wait.|Wait and see.]\"", "/", "{hero} waited one day. {He} waited two days. {He} waited a whole week. It was [very hard to wait|not easy]. \"I want to open it,\" said {hero}. \"[No, do not touch it,|If you open it too soon, it can't fly,]\" said {his} {par}.", "And then, one {weather} morning, the little bag opened. Out came a butterfly with {color} and {color2} wings! \"Oh!\" said {hero}. \"[It is beautiful!|My caterpillar can fly!]\"", "/", "The butterfly sat on {hero}'s [hand|nose] for a moment. Then it flew up, up, up into the blue sky. {hero} was a little sad, but also very happy. \"Goodbye, my friend!\" {he} called. \"Come back soon!\""],
    [("What did {hero} find?", "{hero} found a small green caterpillar."), ("What did it become?", "It became a butterfly."), ("What color were its wings?", "Its wings were {color} and {color2}.")])

schema("gift", "any", ["a gift", "a gift for {par}", "making a present"], [
    "Tomorrow was a special day. It was {his} {par}'s birthday. {hero} wanted to give {phim} a gift. But {hero} had no money. \"[What can I give?|What can I do?]\" {he} thought.", "{hero} asked {friend}. \"[You can make something!|The best gifts come from the heart,]\" said {friend}. [\"What does your {par} like?\"|\"Think about what {phe} likes.\"]", "/", "{hero} thought. {His} {par} liked [flowers and songs|walks and warm tea|birds and pretty things]. So {hero} went to the {place} and found [a smooth stone|some shells|some pretty leaves|a piece of wood]. {He} [painted it {color}|made it into a little {color} picture frame|put everything on a {color} string]. It took all day.", "The next morning, {hero} gave the gift to {his} {par}. \"I made it for you,\" {he} said. \"[It is not very big.|I am sorry that it is so small.]\" {His} {par} [looked at it for a long time|had happy tears in {phis} eyes].", "/", "\"[It is the most beautiful gift in the world,|I will keep it forever,]\" said {his} {par}, \"because you made it with love.\" {hero} [felt warm inside|gave {phim} a big hug]. <endday>"],
    [("Who was the gift for?", "The gift was for {his} {par}."), ("Did {hero} buy the gift?", "No, {hero} made it."), ("Why did {his} {par} love the gift?", "Because {hero} made it with love.")])

schema("snow", "any", ["snow", "a snowman", "a snowy day"], [
    "One morning, everything was white. \"Snow!\" cried {hero}. {He} put on [a warm coat and a {color} hat|a {color} scarf and warm boots] and ran outside. {friend} was there too.", "\"[Let's make a snowman!|Let's build a big snowman!]\" said {friend}. They rolled a big ball of snow, then a middle ball, then a small ball. They put one on top of the other. For the eyes, they used two [stones|buttons]. For the nose, they used a {nose}.", "/", "\"[He looks cold,|He needs something,]\" said {hero}. So {he} gave the snowman {his} {color} [scarf|hat]. Now the snowman looked [happy|very fine]. \"What is his name?\" asked {friend}. \"[Mr. Snow|Frosty White|Mr. Cold]!\" said {hero}, and they both laughed.", "They [threw snowballs|went down the hill on a sled] until their [noses were red|fingers were cold]. Then {his} {par} called, \"Hot chocolate!\"", "/", "After some days, the sun came, and the snowman became smaller and smaller. {hero} was sad. \"[Don't be sad. He will come back next winter,|Now he is water for the flowers,]\" said {his} {par}. And {hero} waved goodbye to the snowman."],
    [("What did they make?", "They made a snowman."), ("What did they use for the nose?", "They used a {nose} for the nose."), ("What happened to the snowman?", "The sun came and the snowman melted.")],
    lambda c, r: c.update(nose=r.choice(["carrot", "stick", "pine cone"])))

schema("robot", "any", ["a robot", "a little robot", "a robot who helps"], [
    "<day>, {hero} found an old robot {inplace}. It was rusty and did not move. \"Poor robot,\" said {hero}. {He} cleaned it, gave it a drop of oil and pushed a {color} button. Beep, beep! The robot opened its eyes.", "\"Hello,\" said the robot. \"I am {rob}. What can I do for you?\" \"[You can be my friend,|Let's play,]\" said {hero}. \"[What is a friend?|I don't know how to play,]\" asked {rob}. \"[I will show you,|It is easy,]\" said {hero}.", "/", "So {hero} showed {rob} how to [laugh|dance|fly a kite]. {rob} showed {hero} how to [count very fast|look at the stars|fix broken things]. They [had a lot of fun|were together every day].", "One evening, {rob} became slow. \"My battery is low,\" it said. \"[I have to sleep now.|I need the sun.]\" {hero} was worried. {He} carried {rob} to the top of the hill and waited all night. When the sun came up, its light fell on {rob}. Beep, beep!", "/", "\"You waited for me,\" said {rob}. \"Of course,\" said {hero}. \"[That is what friends do.|You are my friend.]\" \"Now I know what a friend is,\" said {rob}. <endday>"],
    [("What did {hero} find?", "{hero} found an old robot."), ("What was the robot's name?", "The robot's name was {rob}."), ("What did the robot need?", "The robot needed the light of the sun.")],
    lambda c, r: c.update(rob=r.choice(["Bolt", "Tik", "Robo", "Clank", "Beepo", "Zap", "Pixel"])))

schema("boat", "any", ["a boat", "a boat trip", "the sea"], [
    "{hero} and {friend} made a little boat from [wood|an old box]. They painted it {color} and gave it a {color2} sail. \"Let's go on a trip!\" said {hero}. <day>, they put the boat on the water.", "The wind blew, and the boat went [fast|up and down on the waves]. They saw [a big fish|a turtle] and [white birds|a green island]. \"[This is wonderful!|We are sailors!]\" said {friend}.", "/", "But then the wind became strong, and the sky became dark. The waves were [high|big]. \"[I want to go home,|I am afraid,]\" said {friend}. \"[Hold on to me,|Stay calm,]\" said {hero}. Then there was a hole in the boat, and water came in!", "Just then, a big [whale|dolphin|turtle] came up. \"[Do you need help?|Climb on my back!]\" it said. They climbed on its back, and it took them [all the way home|safely to the beach].", "/", "\"Thank you!\" they called. That night they sat by the fire and told everyone about their trip. \"[Next time we will make a better boat,|Next time we will look at the sky first,]\" said {hero}. And they both laughed."],
    [("What did they make?", "They made a little boat."), ("What color was the boat?", "The boat was {color}."), ("Who saved them?", "A big sea animal saved them and took them home.")])

schema("baby", "kid", ["a new baby", "a baby {bsib}", "being a big {bigsib}"], [
    "{hero} had a new baby {bsib}. The baby was very small and cried a lot. Everyone looked at the baby. Everyone talked about the baby. \"[No one looks at me,|What about me?]\" thought {hero}. <sad>", "<day>, {hero} asked {his} {par}, \"Do you still love me?\" {His} {par} [put {him} on {phis} lap|gave {him} a big hug]. \"[My heart is big enough for two,|Love gets bigger when you share it,]\" said {his} {par}. \"And the baby needs a big {bigsib} like you.\"", "/", "That night, the baby cried and cried. {His} {par} sang, but the baby cried. {hero} came to the bed, [made a funny face|sang a silly song] and held the tiny hand. The baby stopped crying. And then the baby smiled!", "\"[Look! The baby is smiling at me!|The baby likes me!]\" said {hero}. \"Yes,\" said {his} {par}. \"You are a very good big {bigsib}.\"", "/", "After that, {hero} was not sad anymore. Every day {he} [told the baby a story|made funny faces for the baby]. \"[One day you will be big, and we will play together,|I will teach you everything,]\" said {hero}."],
    [("Who was new in the family?", "A new baby {bsib} was in the family."), ("Why was {hero} sad?", "{hero} thought that no one looked at {him}."), ("What made the baby smile?", "{hero} made the baby smile.")],
    lambda c, r: c.update(bsib=r.choice(["brother", "sister"]), bigsib="sister" if c["he"] == "she" else "brother"))

schema("star", "any", ["a star", "a little star", "{a:kind} and a star"], [
    "One night, a little star fell from the sky. It fell [into the garden|near {hero}'s home] with a soft plop. {hero} ran outside. \"Who are you?\" {he} asked. \"I am a star,\" said the little light. \"I fell down, and I can't go home.\"", "\"Don't cry. I will help you,\" said {hero}. First {he} threw the star up as high as {he} could. But it fell down again. Then {hero} [climbed a tree|stood on the roof]. But the sky was too far away.", "/", "{hero} asked {friend}. \"[The highest place is the top of the mountain,|We need a kite!]\" said {friend}. So they [walked all night to the top of the mountain|made a big {color} kite and tied the star to it]. The wind came, whoosh! Up, up, up went the star, until it was back in the sky.", "\"Thank you!\" called the star. \"[Every night I will shine for you.|Look for me when you are lonely.]\"", "/", "And every night, when {hero} looks up, there is one little star that blinks. Blink, blink. It says good night to {hero}."],
    [("What fell from the sky?", "A little star fell from the sky."), ("Who helped {hero}?", "{friend} helped {him}."), ("Did the star get home?", "Yes, the star went back to the sky.")])

schema("bully", "any", ["being kind", "kind words", "{a:fkind} who was not nice"], [
    "{friend} was not nice to {hero}. [Every day {fhe} laughed at {him}.|{Fhe} took {his} {toy} and ran away.] \"You are too small,\" said {friend}. {hero} was sad and told {his} {par}.", "\"[Sometimes people are not nice because they are sad,|Maybe {friend} is lonely,]\" said {his} {par}. \"[You can say: Please stop. I don't like that.|Be brave, and be kind.]\"", "/", "The next day, {friend} laughed again. {hero} stood up tall and said, \"Please stop. I don't like that. [But you can play with me if you are nice.|Why are you not nice to me?]\" {friend} was surprised and [did not know what to say|looked down].", "Then {friend} said very quietly, \"[No one ever asks me to play.|I did not know how to make friends.] I am sorry.\" \"[It is okay,|I forgive you,]\" said {hero}. \"Let's start again. Hello, I am {hero}.\"", "/", "{friend} smiled for the first time. They [went to the {place}|played with the {toy}] together, and {friend} was never mean again. <endday>"],
    [("Who was not nice?", "{friend} was not nice at first."), ("What did {hero} say?", "{hero} said, \"Please stop. I don't like that.\""), ("Did they become friends?", "Yes, they became friends.")])

schema("house", "any", ["building a house", "a tree house", "{a:kind} who built a little house"], [
    "{hero} wanted to build a little house {inplace}. {He} took some sticks and put them together. But the wind blew, whoosh, and the house fell down. \"Oh no,\" said {hero}.", "Then {he} used [leaves and mud|paper and string]. But the rain came, splash, and the house [became soft|fell down]. \"[What can I do?|This is hard,]\" said {hero}.", "/", "{friend} came by. \"[Let me help you,|Two can work better than one,]\" said {friend}. They carried [strong wood|big stones] and [made a good floor|put them one on top of the other]. They made four walls, a roof, a {color} door and a small window. It took [three days|a whole week].", "The wind came, whoosh, but the house did not fall. The rain came, splash, but inside it was dry. \"[We did it!|Our house is strong!]\" said {hero}.", "/", "They sat inside, ate {food} and looked out of the window. Other friends came too, and there was room for all of them. <endday>"],
    [("What did {hero} want to build?", "{hero} wanted to build a little house."), ("What happened to the first house?", "The wind blew it down."), ("What color was the door?", "The door was {color}."), ("Who helped {hero}?", "{friend} helped {him}.")])

schema("music_wind", "any", ["the wind", "a {color} kite", "a windy day"], [
    "It was a windy day. {hero} took {his} {color} kite to the {place}. The kite went up, up, up. It danced in the sky like a bird. \"Higher!\" called {hero}.", "Then the wind pulled hard. Snap! The string broke, and the kite flew away. \"Come back!\" cried {hero}. {He} ran after it, over the hill and past the trees.", "/", "{hero} met a {helper}. \"Did you see a {color} kite?\" {he} asked. \"Yes,\" said the {helper}. \"It flew that way, to the {place2}.\" {hero} ran to the {place2}. There, under a tree, sat {friend}, with the kite!", "\"[Is this your kite?|It fell from the sky!]\" said {friend}. \"[I fixed the hole for you.|It had a small hole, but I put a leaf on it.]\" \"Thank you so much!\" said {hero}. \"Do you want to fly it with me?\"", "/", "They made a new, strong string. Together they held it, and the kite danced in the sky again. <endday>"],
    [("What flew away?", "The {color} kite flew away."), ("Why did it fly away?", "The string broke."), ("Who found the kite?", "{friend} found the kite.")])

TELL = ["Tell me a story about {th}.", "Can you tell me a story about {th}?", "Please tell me a story about {th}.", "I want to hear a story about {th}.", "Write a short story about {th}.", "tell me a story about {th}", "Could you tell me a story about {th}?",
        "Tell me a bedtime story about {th}.", "a story about {th} please", "I would like a story about {th}.", "Make up a story about {th}.", "Write a story about {th}", "Do you know a story about {th}?", "can you write a story about {th}"]
TELL0 = ["Tell me a story.", "Can you tell me a story?", "Please tell me a story.", "I want to hear a story.", "Write a short story.", "tell me a story", "Tell me a bedtime story.", "story please", "Can you tell me a short story?", "Do you know any stories?",
         "Tell me a simple story.", "I am bored. Tell me a story.", "Write me a story.", "Once upon a time", "Let's have a story.", "Could you tell me a story please?", "tell me something nice, like a story"]


def one_story(rng, want=None):
    """(request, story, [(question, answer)], ctx)"""
    sc = rng.choice(S) if want is None else next(s for s in S if s["name"] == want)
    c = hero_ctx(rng, sc["types"])
    if sc["setup"]:
        sc["setup"](c, rng)
    intro = [rng.choice(INTRO)]
    x = rng.choice(INTRO2)
    if x and not (x.startswith("?{He} had {look}") and "{look}" in intro[0]) and not ("lived with" in x and "lived" in intro[0]):
        intro.append(x)
    body = list(sc["lines"])
    text = G.text(intro + body, c, rng)
    r = rng.random()
    if r < 0.2:
        req = rng.choice(TELL0)
    else:
        if r < 0.4:
            th = rng.choice([an(c["kind"]) + " named " + c["hero"], an(c["kind"]) + " called " + c["hero"]])
        elif r < 0.52:
            th = an(c["kind"])
        elif r < 0.6:
            th = c["hero"] + " and " + c["friend"]
        elif r < 0.68:
            th = an(rng.choice(["little ", "small ", "", "young "]) + c["kind"]) + " and " + an(c["fkind"])
        else:
            th = G.expand(rng.choice(sc["themes"]), c, rng)
        req = rng.choice(TELL).replace("{th}", th)
    qa = [(G.expand(q, c, rng), G.expand(a, c, rng)) for q, a in sc["qa"]]
    qa += [("What was the name of the %s?" % c["kind"], "%s name was %s." % (cap(c["his"]), c["hero"])),
           ("Who is the story about?", "The story is about a %s named %s." % (c["kind"], c["hero"]))]
    if c["friend"] in text:
        qa.append(("Who is %s?" % c["friend"], "%s is a %s in the story." % (c["friend"], c["fkind"])))
    qa = [(q, a) for q, a in qa]
    return req, text, qa, c
