# SPDX-License-Identifier: MIT
"""Generated English conversations and stories (written for this project)."""
import re
from synth_core import Grammar, cap, an
import synth_stories as st

G = Grammar({})
E = lambda t, r, **c: G.expand(t, c, r)


def L(s):
    return [x.strip() for x in s.strip().split("\n") if x.strip()]


# ------------------------------------------------------------------ tables
# name: what it is | where | eats | sound | legs | baby | can (f=fly s=swim c=climb j=jump r=run fast) | size | color | fun fact
ANIMAL = {}
for ln in L("""
dog|pet|in houses with people|meat and dog food|woof|4|puppy|srj|5|brown, black or white|Dogs can smell much better than people.
cat|pet|in houses with people|fish and meat|meow|4|kitten|cjr|4|gray, black, white or orange|Cats sleep for most of the day.
cow|farm animal|on farms|grass|moo|4|calf|r|9|black and white or brown|Cows give us milk.
horse|farm animal|on farms and in fields|grass and hay|neigh|4|foal|rsj|9|brown, black or white|Horses can sleep standing up.
pig|farm animal|on farms|almost everything|oink|4|piglet|s|7|pink|Pigs are very clever animals.
sheep|farm animal|on farms and hills|grass|baa|4|lamb||6|white|We make warm wool from their hair.
goat|farm animal|on farms and mountains|grass and leaves|maa|4|kid|cj|6|white, brown or black|Goats are very good at climbing.
duck|bird|near ponds and lakes|plants and small bugs|quack|2|duckling|fs|3|brown, green or white|Ducks have feathers that stay dry in water.
chicken|bird|on farms|seeds and corn|cluck|2|chick||3|brown or white|Chickens lay eggs.
rabbit|small animal|in burrows under the ground|grass and carrots|a soft squeak|4|kit|jr|3|gray, brown or white|Rabbits can see almost all around them.
mouse|small animal|in small holes|seeds and cheese|squeak|4|pup|c|2|gray or white|A mouse can fit through a very small hole.
squirrel|small animal|in trees|nuts and seeds|a chatter|4|kit|cj|3|brown, gray or red|Squirrels hide nuts for the winter.
fox|wild animal|in forests|mice, birds and berries|a bark|4|cub|r|5|orange and white|A fox has a big bushy tail.
wolf|wild animal|in forests|meat|a howl|4|pup|rs|6|gray|Wolves live in groups called packs.
bear|wild animal|in forests and mountains|fish, berries and honey|a growl|4|cub|csr|9|brown or black|Bears sleep for most of the winter.
deer|wild animal|in forests|grass and leaves|a soft bleat|4|fawn|rj|7|brown|A deer can jump very high.
lion|big cat|in grasslands in Africa|meat|a roar|4|cub|r|8|golden|People call the lion the king of the animals.
tiger|big cat|in forests in Asia|meat|a roar|4|cub|rsc|8|orange with black stripes|Every tiger has different stripes.
elephant|very big animal|in Africa and Asia|grass, leaves and fruit|a loud trumpet|4|calf|s|11|gray|Elephants use their trunks to drink and to pick things up.
giraffe|very tall animal|in Africa|leaves|a soft hum|4|calf|r|10|yellow with brown spots|The giraffe is the tallest animal on land.
zebra|wild animal|in Africa|grass|a bark|4|foal|r|8|black and white|No two zebras have the same stripes.
monkey|clever animal|in trees in warm places|fruit and leaves|chatter|2|baby monkey|cj|5|brown|Monkeys love to play and swing.
panda|bear|in bamboo forests in China|bamboo|a soft bleat|4|cub|c|8|black and white|A panda eats bamboo for many hours every day.
kangaroo|animal with a pouch|in Australia|grass|a soft cluck|2|joey|jr|7|brown or gray|A kangaroo carries its baby in a pouch.
koala|animal with a pouch|in trees in Australia|leaves|a grunt|4|joey|c|4|gray|Koalas sleep almost all day.
penguin|bird|in cold places in the south|fish|a squawk|2|chick|s|4|black and white|Penguins cannot fly, but they swim very well.
owl|bird|in forests|mice and bugs|hoot|2|owlet|f|3|brown or white|Owls hunt at night and can turn their heads far around.
eagle|bird|in mountains|fish and small animals|a loud cry|2|eaglet|f|4|brown|Eagles can see things from very far away.
parrot|bird|in warm forests|fruit and seeds|a squawk|2|chick|f|3|green, red or blue|Some parrots can learn to say words.
frog|small animal|near ponds|flies and bugs|ribbit|4|tadpole|sj|2|green|A frog starts its life as a tadpole in the water.
turtle|animal with a shell|in water and on land|plants and small animals|almost no sound|4|baby turtle|s|4|green or brown|A turtle can live for a very long time.
snake|animal without legs|in forests, deserts and fields|mice and eggs|hiss|0|baby snake|sc|4|green, brown or many colors|Snakes smell with their tongues.
fish|water animal|in rivers, lakes and the sea|plants and small animals|no sound|0|baby fish|s|2|many colors|Fish breathe in the water with gills.
shark|big fish|in the sea|fish|no sound|0|pup|s|9|gray|Sharks have many rows of teeth.
whale|very big sea animal|in the sea|tiny sea animals|a long song|0|calf|s|12|blue or gray|The blue whale is the biggest animal in the world.
dolphin|sea animal|in the sea|fish|clicks and whistles|0|calf|sj|8|gray|Dolphins are very clever and like to play.
octopus|sea animal|in the sea|crabs and fish|no sound|8|baby octopus|s|4|red or brown|An octopus has eight arms and three hearts.
crab|sea animal|on beaches and in the sea|small plants and animals|a click|10|baby crab|s|2|red or brown|Crabs walk sideways.
bee|insect|in a hive|nectar from flowers|buzz|6|larva|f|1|yellow and black|Bees make honey.
butterfly|insect|in gardens and fields|nectar from flowers|no sound|6|caterpillar|f|1|many colors|A butterfly starts its life as a caterpillar.
ant|insect|under the ground|seeds and small bugs|no sound|6|larva|c|0|black or red|An ant can carry things much heavier than itself.
spider|small animal|in webs|flies and bugs|no sound|8|spiderling|cj|1|black or brown|Spiders make webs to catch flies.
snail|small animal|in gardens|leaves|no sound|0|baby snail|c|1|brown|A snail carries its house on its back.
hedgehog|small animal|in gardens and forests|bugs and worms|a soft snuffle|4|hoglet|s|3|brown|A hedgehog rolls into a ball when it is afraid.
camel|big animal|in deserts|dry plants|a grunt|4|calf|r|9|brown|A camel can live for a long time without water.
crocodile|big animal|in warm rivers|fish and meat|a growl|4|hatchling|s|9|green|Crocodiles are older than the dinosaurs' last days.
"""):
    p = ln.split("|")
    ANIMAL[p[0]] = dict(zip("what where eats sound legs baby can size color fact".split(), p[1:]))
ANIMAL["crocodile"]["fact"] = "A crocodile can stay very still for a long time."

COLOR_OF = dict(x.split(":") for x in """the sky:blue;grass:green;the sun:yellow;snow:white;a banana:yellow;a lemon:yellow;an orange:orange;a carrot:orange;a strawberry:red;a tomato:red;a cherry:red;blood:red;a fire truck:red;milk:white;
chocolate:brown;coffee:brown;a tree trunk:brown;coal:black;the night sky:black;a crow:black;a frog:green;a cucumber:green;leaves in summer:green;a pumpkin:orange;an elephant:gray;a mouse:gray;rain clouds:gray;a flamingo:pink;a pig:pink;
the sea:blue;a violet:purple;an eggplant:purple;grapes:green or purple;an apple:red, green or yellow;a rose:red, white, pink or yellow;a stop sign:red;a polar bear:white;cotton:white;sand:yellow or brown;honey:golden;a sunflower:yellow;
a panda:black and white;a zebra:black and white;a bee:yellow and black;a pea:green;corn:yellow;rice:white;a potato:brown;a blueberry:blue;salt:white;gold:golden yellow;silver:silver gray""".replace("\n", "").split(";"))

OPP = [tuple(x.split("-")) for x in """big-small hot-cold up-down in-out day-night happy-sad fast-slow old-young new-old good-bad long-short tall-short high-low open-closed full-empty hard-soft light-dark heavy-light loud-quiet clean-dirty
wet-dry early-late easy-difficult rich-poor strong-weak thick-thin wide-narrow near-far left-right first-last right-wrong true-false same-different yes-no always-never before-after above-below inside-outside begin-end start-stop come-go
give-take buy-sell love-hate laugh-cry win-lose push-pull sit-stand sleep-wake ask-answer remember-forget find-lose teach-learn black-white summer-winter east-west north-south front-back top-bottom boy-girl man-woman brother-sister
mother-father king-queen friend-enemy brave-afraid kind-mean beautiful-ugly safe-dangerous sweet-sour sharp-dull smooth-rough deep-shallow cheap-expensive busy-free lucky-unlucky polite-rude alive-dead warm-cool noisy-quiet more-less many-few
everything-nothing everyone-nobody arrive-leave hello-goodbye morning-evening""".split()]

CAPITAL = dict(x.split(":") for x in """France:Paris;Germany:Berlin;Italy:Rome;Spain:Madrid;Portugal:Lisbon;England:London;the United Kingdom:London;Ireland:Dublin;China:Beijing;Japan:Tokyo;India:New Delhi;Russia:Moscow;Canada:Ottawa;the United States:Washington, D.C.;
Mexico:Mexico City;Brazil:Brasilia;Argentina:Buenos Aires;Chile:Santiago;Peru:Lima;Egypt:Cairo;Kenya:Nairobi;Nigeria:Abuja;Ghana:Accra;Morocco:Rabat;Australia:Canberra;New Zealand:Wellington;Sweden:Stockholm;Norway:Oslo;Denmark:Copenhagen;
Finland:Helsinki;Poland:Warsaw;Austria:Vienna;Switzerland:Bern;Belgium:Brussels;the Netherlands:Amsterdam;Greece:Athens;Turkey:Ankara;Thailand:Bangkok;Vietnam:Hanoi;South Korea:Seoul;Indonesia:Jakarta;the Philippines:Manila;Cuba:Havana;
Hungary:Budapest;the Czech Republic:Prague;Ukraine:Kyiv;Colombia:Bogota;Iceland:Reykjavik;Nepal:Kathmandu;Pakistan:Islamabad;Singapore:Singapore""".replace("\n", "").split(";"))

CATS = {k: v.split(", ") for k, v in (x.split(": ") for x in L("""
fruits: apples, bananas, oranges, grapes, pears, cherries, strawberries, peaches, plums, melons, lemons, mangoes
vegetables: carrots, potatoes, tomatoes, onions, peas, beans, corn, cabbage, cucumbers, pumpkins, spinach
animals: dogs, cats, horses, lions, elephants, rabbits, monkeys, bears, foxes, cows, sheep, tigers
farm animals: cows, pigs, sheep, horses, goats, chickens, ducks
sea animals: whales, dolphins, sharks, crabs, octopuses, turtles, seals
birds: owls, eagles, ducks, parrots, penguins, swans, crows, chickens
insects: bees, ants, butterflies, flies, beetles, ladybugs
colors: red, blue, green, yellow, orange, purple, pink, black, white, brown
drinks: water, milk, tea, coffee, juice, lemonade, hot chocolate
sports: football, tennis, swimming, basketball, running, skating, cycling, volleyball
jobs: doctor, teacher, farmer, baker, pilot, painter, nurse, firefighter, singer, builder
countries: China, France, India, Japan, Brazil, Canada, Kenya, Spain, Egypt, Italy
planets: Mercury, Venus, Earth, Mars, Jupiter, Saturn, Uranus, Neptune
shapes: circle, square, triangle, star, heart, rectangle, oval
clothes: shirts, pants, socks, shoes, hats, coats, scarves, gloves, dresses
toys: balls, dolls, kites, blocks, puzzles, toy cars, teddy bears
flowers: roses, tulips, daisies, sunflowers, lilies, violets
things in a kitchen: pots, pans, cups, plates, spoons, forks, a stove, a fridge
things in a school: desks, books, pencils, chairs, a board, crayons, rulers
things in the sky: the sun, the moon, stars, clouds, birds, planes, rainbows
musical instruments: piano, guitar, drums, violin, flute, trumpet
vehicles: cars, buses, trains, planes, boats, bicycles, trucks
family members: mother, father, sister, brother, grandma, grandpa, aunt, uncle, cousin
body parts: head, hands, feet, arms, legs, eyes, ears, nose, mouth
feelings: happy, sad, angry, tired, excited, scared, proud, calm
hobbies: reading, drawing, cooking, gardening, singing, dancing, playing games, taking walks
seasons: spring, summer, fall, winter
"""))}

DEFS = [x.split("|") for x in L("""
bicycle|A bicycle is a thing with two wheels. You ride it by pushing the pedals with your feet.
book|A book has many pages with words and pictures. You can read it to learn or to have fun.
friend|A friend is someone you like and trust. Friends help each other and have fun together.
school|A school is a place where children go to learn.
hospital|A hospital is a place where doctors and nurses help sick people.
library|A library is a place with many books. You can read them there or borrow them.
museum|A museum is a place where you can see old, rare or beautiful things.
garden|A garden is a place where flowers, vegetables and other plants grow.
forest|A forest is a large place with many trees. Many animals live there.
desert|A desert is a very dry place with little rain. Many deserts are hot and full of sand.
island|An island is land with water all around it.
mountain|A mountain is a very high part of the land.
river|A river is a long stream of water that flows to a lake or to the sea.
ocean|An ocean is a very big body of salt water.
lake|A lake is a big body of water with land all around it.
beach|A beach is the sandy land next to the sea.
city|A city is a big place where many people live and work.
village|A village is a small place with a few houses, smaller than a town.
farm|A farm is a place where people grow food and keep animals.
sun|The sun is a big, hot star. It gives us light and warmth.
moon|The moon is a big ball of rock that goes around the Earth. It shines at night because of the sun's light.
star|A star is a very big ball of hot, glowing gas. It looks small because it is so far away.
planet|A planet is a big round world that goes around a star. We live on the planet Earth.
rain|Rain is water that falls from the clouds.
snow|Snow is frozen water that falls from the clouds as soft white flakes.
ice|Ice is frozen water. It is cold and hard.
cloud|A cloud is made of tiny drops of water in the sky.
rainbow|A rainbow is a bow of colors in the sky. You can see it when the sun shines through rain.
wind|Wind is moving air.
storm|A storm is bad weather with strong wind and rain. Sometimes there is thunder and lightning.
thunder|Thunder is the loud sound that comes after lightning.
tree|A tree is a tall plant with a trunk, branches and leaves.
flower|A flower is the pretty, colored part of a plant.
seed|A seed is a small thing from which a new plant can grow.
computer|A computer is a machine that can work with numbers, words and pictures very fast.
robot|A robot is a machine that can do work by itself.
phone|A phone is a thing you use to talk to people who are far away.
clock|A clock shows you what time it is.
map|A map is a picture that shows where places are.
key|A key is a small thing that opens a lock.
umbrella|An umbrella keeps you dry in the rain.
bridge|A bridge helps people cross over a river or a road.
train|A train is a long vehicle that runs on rails and carries many people.
airplane|An airplane is a machine with wings that flies through the air.
boat|A boat is a thing that floats and carries people over water.
car|A car is a machine with four wheels. People use it to go from place to place.
doctor|A doctor helps sick people get well.
teacher|A teacher helps people learn new things.
farmer|A farmer grows food and takes care of animals.
baker|A baker makes bread and cakes.
pilot|A pilot flies airplanes.
firefighter|A firefighter puts out fires and saves people.
nurse|A nurse takes care of sick people.
artist|An artist makes pictures, songs or other beautiful things.
king|A king is a man who rules a country.
queen|A queen is a woman who rules a country, or the wife of a king.
breakfast|Breakfast is the first meal of the day. You eat it in the morning.
dinner|Dinner is the big meal that many people eat in the evening.
birthday|A birthday is the day on which you were born. People often have cake and gifts.
holiday|A holiday is a special day when many people do not work.
music|Music is made of sounds that go together in a nice way.
song|A song is music with words that you sing.
story|A story tells about things that happened, real or made up.
poem|A poem is a short text with a nice rhythm. Often the lines rhyme.
joke|A joke is a short funny story or question that makes people laugh.
game|A game is something you play for fun.
dream|A dream is a story your mind makes while you sleep.
secret|A secret is something that only a few people know.
family|A family is a group of people who belong together, like parents and children.
neighbor|A neighbor is a person who lives near you.
money|Money is what people use to buy things.
shop|A shop is a place where you can buy things.
bread|Bread is a food made from flour and water and baked in an oven.
cheese|Cheese is a food made from milk.
honey|Honey is a sweet, golden food made by bees.
milk|Milk is a white drink that comes from cows and other animals.
soup|Soup is a warm food that you eat with a spoon.
fire|Fire is hot and bright. It can cook food and keep us warm, but it can also be dangerous.
water|Water is a clear liquid. All plants, animals and people need it to live.
air|Air is all around us. We cannot see it, but we need it to breathe.
heart|The heart is a part of the body that pumps the blood.
brain|The brain is the part of the body that we think with.
language model|A language model is a computer program that has learned from text how words go together. I am a very small one.
kindness|Kindness means being nice and helpful to others.
courage|Courage means doing something even when you are afraid.
love|Love is a warm and strong feeling for someone you care about.
happiness|Happiness is the good feeling you have when things are going well.
a week|A week has seven days.
a year|A year has twelve months, or 365 days.
winter|Winter is the coldest season of the year.
summer|Summer is the warmest season of the year.
spring|Spring is the season when it gets warmer and the flowers begin to grow.
dinosaur|Dinosaurs were animals that lived a very long time ago. Some of them were very big.
dragon|A dragon is a big animal in stories. It can often fly and breathe fire.
unicorn|A unicorn is a horse with one horn in stories.
pizza|Pizza is flat bread with tomato sauce, cheese and other tasty things on top.
chocolate|Chocolate is a sweet brown food made from cocoa beans.
sandwich|A sandwich is two pieces of bread with something tasty in the middle.
camera|A camera takes pictures.
mirror|A mirror is a glass in which you can see yourself.
pencil|A pencil is a thing you write or draw with.
""")]

SCI = [tuple(x.split("|")) for x in L("""
Why is the sky blue?|The light of the sun has many colors. The air spreads the blue light more than the other colors, so the sky looks blue.
Why does it rain?|Water from the sea goes up into the air and makes clouds. When the drops in the clouds get heavy, they fall down as rain.
How is a rainbow made?|When the sun shines through drops of rain, the light is split into many colors. That makes a rainbow.
Why do leaves fall in autumn?|In autumn there is less light and it gets cold, so many trees drop their leaves to rest for the winter.
Why is the sea salty?|Rivers carry a little salt from the rocks into the sea. Over a very long time, the sea became salty.
What do plants need to grow?|Plants need water, light, air and soil to grow.
Why do we sleep?|We sleep so that our body and our brain can rest and become strong again.
Why do we eat?|We eat because food gives our body energy and helps us grow.
Why do birds have wings?|Most birds have wings so that they can fly.
How do fish breathe?|Fish breathe in the water with their gills.
What is bigger, the sun or the moon?|The sun is much, much bigger than the moon.
How far is the moon?|The moon is very far away. It is about 384,000 kilometers from the Earth.
What is the biggest animal?|The blue whale is the biggest animal in the world.
What is the fastest animal?|On land, the cheetah is the fastest animal.
What is the tallest animal?|The giraffe is the tallest animal.
What is the smallest bird?|The hummingbird is the smallest bird.
What is the biggest planet?|Jupiter is the biggest planet near our sun.
Which planet do we live on?|We live on the planet Earth.
How many planets are there?|There are eight planets around our sun.
How many days are in a week?|There are seven days in a week.
How many months are in a year?|There are twelve months in a year.
How many days are in a year?|There are 365 days in a year. Every four years there is one day more.
How many hours are in a day?|There are twenty-four hours in a day.
How many minutes are in an hour?|There are sixty minutes in an hour.
How many seconds are in a minute?|There are sixty seconds in a minute.
How many letters are in the alphabet?|There are twenty-six letters in the English alphabet.
How many seasons are there?|There are four seasons: spring, summer, fall and winter.
How many fingers do people have?|People have ten fingers.
How many legs does a spider have?|A spider has eight legs.
How many legs does an insect have?|An insect has six legs.
How many continents are there?|There are seven continents.
What is the biggest ocean?|The Pacific Ocean is the biggest ocean.
What is the longest river?|The Nile in Africa is often called the longest river in the world.
What is the highest mountain?|Mount Everest is the highest mountain in the world.
What is the largest country?|Russia is the largest country in the world.
Where do penguins live?|Most penguins live in the cold south of the world.
Where does milk come from?|Milk comes from cows and other animals.
Where does honey come from?|Bees make honey from the nectar of flowers.
Where does bread come from?|Bread is made from flour, and flour is made from wheat.
Where does wood come from?|Wood comes from trees.
Where does wool come from?|Wool comes from sheep.
Where does the sun rise?|The sun rises in the east.
Where does the sun set?|The sun sets in the west.
What comes out at night?|The moon and the stars come out at night.
What do bees make?|Bees make honey.
What do cows give us?|Cows give us milk.
What do caterpillars become?|Caterpillars become butterflies.
What do tadpoles become?|Tadpoles become frogs.
What does ice become when it is warm?|When ice gets warm, it melts and becomes water.
What happens when water gets very cold?|When water gets very cold, it freezes and becomes ice.
What happens when water boils?|When water boils, it becomes steam.
Is the Earth round?|Yes, the Earth is round like a ball.
Is the sun a star?|Yes, the sun is a star. It is the star that is closest to us.
Is a whale a fish?|No, a whale is not a fish. It breathes air like we do.
Is a tomato a fruit?|Yes, a tomato is a fruit, but we use it like a vegetable.
Is a penguin a bird?|Yes, a penguin is a bird, but it cannot fly.
Is a spider an insect?|No, a spider has eight legs. Insects have six legs.
Can people live on the moon?|No, there is no air on the moon. But people have walked on it.
Can people fly?|People cannot fly by themselves, but they can fly in airplanes.
Do plants sleep?|Plants do not sleep like we do, but some flowers close at night.
Do fish sleep?|Yes, fish rest, but most of them do not close their eyes.
Why do cats purr?|Cats often purr when they feel happy and safe.
Why do dogs wag their tails?|Dogs often wag their tails when they are happy or excited.
Why do we brush our teeth?|We brush our teeth to keep them clean and healthy.
Why do we wash our hands?|We wash our hands to get rid of dirt and germs.
Why do we have bones?|Bones hold up our body and make it strong.
What is the sun made of?|The sun is made of very hot gas.
What is snow made of?|Snow is made of tiny pieces of ice.
What is glass made of?|Glass is made from sand that has been melted.
What is paper made of?|Paper is made from wood.
What do we use our ears for?|We use our ears to hear.
What do we use our eyes for?|We use our eyes to see.
What do we use our nose for?|We use our nose to smell and to breathe.
What do we use our tongue for?|We use our tongue to taste and to speak.
What do we use our hands for?|We use our hands to hold, make and touch things.
What are the five senses?|The five senses are seeing, hearing, smelling, tasting and touching.
What are the days of the week?|The days of the week are Monday, Tuesday, Wednesday, Thursday, Friday, Saturday and Sunday.
What are the months of the year?|The months are January, February, March, April, May, June, July, August, September, October, November and December.
What are the four seasons?|The four seasons are spring, summer, fall and winter.
What are the colors of the rainbow?|The colors of the rainbow are red, orange, yellow, green, blue, indigo and violet.
What is the first day of the week?|Many people say Monday is the first day of the week. In some countries it is Sunday.
What is the first month of the year?|January is the first month of the year.
What is the last month of the year?|December is the last month of the year.
What is the shortest month?|February is the shortest month.
What color do you get when you mix blue and yellow?|When you mix blue and yellow, you get green.
What color do you get when you mix red and yellow?|When you mix red and yellow, you get orange.
What color do you get when you mix red and blue?|When you mix red and blue, you get purple.
What color do you get when you mix red and white?|When you mix red and white, you get pink.
What color do you get when you mix black and white?|When you mix black and white, you get gray.
How do airplanes fly?|Airplanes have strong engines and wings. When they move fast, the air pushes the wings up.
How do boats float?|Boats push water away, and the water pushes back and holds them up.
What is gravity?|Gravity is the force that pulls things down to the ground.
Why do things fall down?|Things fall down because gravity pulls them to the Earth.
What makes day and night?|The Earth turns around once every day. When our side looks at the sun, it is day. When it turns away, it is night.
What makes the seasons?|The Earth is tilted as it goes around the sun, so we get more sun in summer and less in winter.
Who was the first person on the moon?|Neil Armstrong was the first person to walk on the moon, in 1969.
Who wrote Romeo and Juliet?|William Shakespeare wrote Romeo and Juliet.
What language do people speak in China?|Most people in China speak Chinese.
What language do people speak in France?|People in France speak French.
What language do people speak in Brazil?|People in Brazil speak Portuguese.
What language do people speak in Germany?|People in Germany speak German.
What language do people speak in Mexico?|People in Mexico speak Spanish.
""")]

JOKES = [tuple(x.split("|")) for x in L("""
Why did the chicken cross the road?|To get to the other side!
Why is six afraid of seven?|Because seven eight nine!
What do you call a sleeping bull?|A bulldozer!
What do you get when you cross a snowman and a dog?|Frostbite!
Why did the cookie go to the doctor?|Because it felt crumby!
What has four wheels and flies?|A garbage truck!
Why did the teddy bear say no to cake?|Because it was already stuffed!
What do you call cheese that is not yours?|Nacho cheese!
Why do bees have sticky hair?|Because they use honeycombs!
What did one wall say to the other wall?|I will meet you at the corner!
Why can't your nose be twelve inches long?|Because then it would be a foot!
What do you call a bear with no teeth?|A gummy bear!
Why did the banana go to the doctor?|Because it was not peeling well!
What kind of tree fits in your hand?|A palm tree!
Why was the math book sad?|Because it had so many problems!
What did the zero say to the eight?|Nice belt!
How do you make an octopus laugh?|With ten tickles!
What do you call a fish without an eye?|A fsh!
Why do ducks have feathers?|To cover their butt quacks!
What is a cat's favorite color?|Purr-ple!
Why are fish so smart?|Because they live in schools!
What did the ocean say to the beach?|Nothing, it just waved!
Why did the robot go on a holiday?|To charge its batteries!
Why did the bicycle fall over?|Because it was two tired!
What do you call a dinosaur that is sleeping?|A dino-snore!
What do elves learn in school?|The elf-abet!
Why did the computer go to bed?|It needed to sleep, because it was on all day!
What is orange and sounds like a parrot?|A carrot!
""")]
JOKES = [j for j in JOKES if "butt" not in j[1]]
RIDDLES = [tuple(x.split("|")) for x in L("""
What has hands but cannot clap?|a clock
What has a neck but no head?|a bottle
What gets wet while it dries you?|a towel
What goes up but never comes down?|your age
What has teeth but cannot bite?|a comb
What has one eye but cannot see?|a needle
What has four legs but cannot walk?|a table
What can you catch but not throw?|a cold
What is full of holes but can hold water?|a sponge
What has keys but cannot open doors?|a piano
What has many words but never speaks?|a book
What runs but has no legs?|a river
What comes once in a minute, twice in a moment, but never in a thousand years?|the letter M
What is black when clean and white when dirty?|a blackboard
I am tall when I am young and short when I am old. What am I?|a candle
The more you take, the more you leave behind. What are they?|footsteps
What falls in winter but never gets hurt?|snow
What has ears but cannot hear?|corn
What building has the most stories?|a library
What kind of room has no doors?|a mushroom
""")]
POEMS = [x.strip() for x in """
The sun is up, the sky is blue,
A little bird is singing too.
It sings of flowers, warm and bright,
And sleeps beneath the stars at night.
--
Twinkle, little star so high,
Like a lantern in the sky.
When the world is dark and deep,
You look down and watch us sleep.
--
A small gray cat sat by the door,
She looked outside and wanted more.
She saw a mouse, she saw a bee,
And then fell asleep under a tree.
--
Rain, rain, soft and low,
Help the little flowers grow.
Red and yellow, white and blue,
They will open up for you.
--
My friend and I went out to play
On a warm and sunny day.
We ran and laughed, we jumped up high,
And waved to clouds up in the sky.
--
The moon came up so round and white,
It filled the garden with its light.
The owl said hoo, the wind said hush,
A rabbit slept beneath a bush.
--
I have a dog, his name is Ben,
He brings the ball back now and then.
He wags his tail, he licks my hand,
He is the best dog in the land.
--
A little boat upon the sea,
It sailed away from you and me.
It saw a whale, it saw the sun,
And came back home when day was done.
--
Snow is falling, soft and slow,
Everything is white below.
Put on your hat and take my hand,
We walk into a winter land.
--
Books are doors that open wide
To many worlds that wait inside.
Turn a page and you will see
A king, a ship, a talking tree.
--
Spring has come, the birds are here,
It is the green time of the year.
The bees are busy, up and down,
The flowers wear a golden crown.
--
Good night, moon, and good night, sun,
Now the busy day is done.
Close your eyes and rest your head,
Dream sweet dreams in your warm bed.
""".split("--")]
RHYME = [x.split() for x in L("""
cat hat bat rat mat
dog frog log fog
sun fun run bun
tree bee see sea
star car far jar
moon spoon soon
night light kite bright
day play say way
cake lake snake make
house mouse
ball tall fall wall
fish dish wish
rain train plane
king ring sing wing
book look cook hook
bear chair hair pear
snow go slow toe
bed red head
boat coat goat
blue shoe two new
green bean queen
box fox socks
""")]
PAST = [tuple(x.split("-")) for x in "go-went eat-ate see-saw run-ran come-came give-gave take-took make-made say-said get-got know-knew think-thought find-found tell-told sing-sang swim-swam write-wrote drink-drank sleep-slept buy-bought bring-brought teach-taught catch-caught fly-flew grow-grew draw-drew sit-sat stand-stood begin-began break-broke speak-spoke ride-rode hide-hid fall-fell feel-felt keep-kept leave-left lose-lost meet-met win-won walk-walked play-played jump-jumped help-helped look-looked laugh-laughed".split()]
PLUR = [tuple(x.split("-")) for x in "mouse-mice child-children man-men woman-women foot-feet tooth-teeth goose-geese sheep-sheep fish-fish leaf-leaves wolf-wolves knife-knives baby-babies city-cities box-boxes bus-buses dog-dogs cat-cats book-books tree-trees house-houses apple-apples flower-flowers berry-berries story-stories person-people".split()]
NUMW = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = "January February March April May June July August September October November December".split()
SPELL = "cat dog sun moon tree house apple book fish bird friend school happy water flower mother father green blue yellow hello star rain snow bread cheese mouse horse table chair window garden river".split()
JOBS = [x.split("|") for x in L("""
doctor|helps sick people get well
teacher|helps people learn
farmer|grows food and takes care of animals
baker|bakes bread and cakes
pilot|flies airplanes
firefighter|puts out fires and saves people
police officer|keeps people safe
nurse|takes care of sick people
cook|makes food
painter|paints pictures or houses
writer|writes books and stories
singer|sings songs
dentist|takes care of teeth
vet|takes care of sick animals
gardener|takes care of plants
builder|builds houses
tailor|makes clothes
fisherman|catches fish
postman|brings letters and packages
scientist|studies how the world works
bus driver|drives a bus
librarian|takes care of books and helps people find them
astronaut|flies into space
carpenter|makes things out of wood
hairdresser|cuts hair
""")]
CANDO = {"f": "fly", "s": "swim", "c": "climb", "j": "jump", "r": "run fast"}
ZHEN = [tuple(x.split("=")) for x in """hello=你好;goodbye=再见;thank you=谢谢;you are welcome=不客气;sorry=对不起;please=请;yes=是;no=不;good morning=早上好;good night=晚安;how are you=你好吗;I love you=我爱你;my friend=我的朋友;cat=猫;dog=狗;bird=鸟;fish=鱼;horse=马;rabbit=兔子;bear=熊;
panda=熊猫;tiger=老虎;sun=太阳;moon=月亮;star=星星;rain=雨;snow=雪;wind=风;water=水;fire=火;tree=树;flower=花;mountain=山;river=河;sea=海;sky=天空;one=一;two=二;three=三;four=四;five=五;six=六;seven=七;eight=八;nine=九;ten=十;
red=红色;blue=蓝色;green=绿色;yellow=黄色;white=白色;black=黑色;mother=妈妈;father=爸爸;sister=姐姐;brother=哥哥;grandma=奶奶;grandpa=爷爷;child=孩子;friend=朋友;teacher=老师;student=学生;doctor=医生;school=学校;house=房子;home=家;book=书;pen=笔;
table=桌子;chair=椅子;door=门;window=窗户;car=汽车;train=火车;airplane=飞机;bicycle=自行车;apple=苹果;banana=香蕉;orange=橙子;rice=米饭;noodles=面条;bread=面包;milk=牛奶;tea=茶;coffee=咖啡;egg=鸡蛋;big=大;small=小;good=好;happy=高兴;beautiful=美丽;
today=今天;tomorrow=明天;yesterday=昨天;morning=早上;evening=晚上;spring=春天;summer=夏天;autumn=秋天;winter=冬天;China=中国;Chinese=中文;English=英文;I like you=我喜欢你;I am hungry=我饿了;I am happy=我很高兴;What is your name=你叫什么名字;My name is Anna=我叫安娜""".replace("\n", "").split(";")]
FAV = {"color": ["blue", "green", "red", "yellow", "purple", "orange", "pink"], "animal": ["dog", "cat", "horse", "panda", "rabbit", "dolphin", "elephant", "owl", "penguin", "tiger"], "food": ["pizza", "soup", "rice", "pasta", "noodles", "pancakes", "apples", "chocolate", "bread", "salad", "ice cream"],
       "season": ["spring", "summer", "fall", "winter"], "sport": ["football", "tennis", "swimming", "basketball", "running", "skating", "cycling"], "fruit": ["apples", "bananas", "strawberries", "oranges", "cherries", "mangoes", "grapes"], "hobby": ["reading", "drawing", "cooking", "gardening", "singing", "dancing", "painting", "fishing"],
       "drink": ["tea", "milk", "water", "juice", "hot chocolate", "coffee", "lemonade"], "day": DAYS, "number": ["three", "seven", "eight", "ten", "five"]}
FAVSAY = {"blue": "Blue is the color of the sky and the sea.", "green": "Green is the color of grass and trees.", "red": "Red is warm and bright, like a strawberry.", "yellow": "Yellow is the color of the sun.", "purple": "Purple is the color of violets.", "orange": "Orange is the color of pumpkins and sunsets.", "pink": "Pink is soft and sweet, like a rose.",
          "spring": "In spring the flowers begin to grow.", "summer": "In summer it is warm and you can swim.", "fall": "In fall the leaves turn red and gold.", "winter": "In winter you can play in the snow.", "pizza": "Pizza with cheese is very tasty.", "soup": "A warm soup is great on a cold day.", "rice": "Rice goes well with so many things.", "pasta": "Pasta with tomato sauce is yummy.",
          "noodles": "A bowl of hot noodles is lovely.", "pancakes": "Pancakes with honey are so good.", "apples": "Apples are sweet and good for you.", "chocolate": "Chocolate makes many people happy.", "bread": "Fresh bread smells wonderful.", "salad": "A salad is fresh and healthy.", "ice cream": "Ice cream is perfect on a hot day.", "reading": "A good book can take you to another world.",
          "drawing": "With a pencil you can make a whole world.", "cooking": "It is nice to make something tasty.", "gardening": "It is lovely to watch plants grow.", "singing": "Singing makes people happy.", "dancing": "Dancing is fun and keeps you fit.", "painting": "Colors can tell a story.", "fishing": "It is quiet and peaceful by the water."}
PETNAMES = st.PETS
NAMES = st.GIRLS + st.BOYS


# ------------------------------------------------------------------ helpers
def noise(r, s):
    """The way people really type."""
    if len(s) > 12 and r.random() < 0.06 and not re.match(r"(Hi|Hello|Hey|Good)\b", s):
        s = r.choice(["Hi! ", "Hello! ", "Hi, ", "Hey, ", "Ok, ", "Okay. ", "Hello, "]) + s
    elif len(s) > 12 and r.random() < 0.03 and s[-1] in ".?":
        s = s[:-1] + r.choice([", please", " please", ", thanks"]) + s[-1]
    if r.random() < 0.33:
        s = s[0].lower() + s[1:] if not re.match(r"I\b|I'", s) else s
        if r.random() < 0.5:
            s = re.sub(r"\bI\b", "i", s)
    if r.random() < 0.3:
        s = re.sub(r"[.!?]$", "", s)
    if r.random() < 0.08:
        s = s.replace("'", "")
    if r.random() < 0.02:
        s = re.sub(r"\byou\b", "u", s)
        s = re.sub(r"\bplease\b", "pls", s)
    if r.random() < 0.03:
        s = s.rstrip(".!?") + r.choice(["??", "!!", "...", " :)"])
    return s


def pick(r, *t):
    x = r.choice(t)
    y = E(x, r)
    if not y:
        return ""
    return x[:len(x) - len(x.lstrip())] + y + x[len(x.rstrip()):]


def plural(a):
    return {"mouse": "mice", "wolf": "wolves", "butterfly": "butterflies", "fish": "fish", "sheep": "sheep", "deer": "deer", "fox": "foxes", "octopus": "octopuses", "monkey": "monkeys"}.get(a, a + "s")


# ------------------------------------------------------------------ single exchanges
def q_math(r):
    k = r.random()
    if k < 0.45:
        hi = r.choice([10, 10, 20, 50])
        a, b = r.randint(0, hi), r.randint(0, hi)
        n, w, s = a + b, "plus", "+"
    elif k < 0.7:
        a = r.randint(1, r.choice([10, 20, 50]))
        b = r.randint(0, a)
        n, w, s = a - b, "minus", "-"
    elif k < 0.9:
        a, b = r.randint(0, 10), r.randint(0, 10)
        n, w, s = a * b, "times", "x"
    else:
        b = r.randint(1, 10)
        n = r.randint(0, 10)
        a = b * n
        w, s = "divided by", "/"
    q = r.choice(["What is %d %s %d?" % (a, w, b), "What is %d %s %d?" % (a, s, b), "%d %s %d" % (a, s, b), "%d %s %d = ?" % (a, s, b), "How much is %d %s %d?" % (a, w, b), "Can you tell me what %d %s %d is?" % (a, w, b)])
    return q, r.choice(["%d %s %d is %d." % (a, w, b, n), "%d %s %d = %d" % (a, s, b, n), "The answer is %d." % n, "That is %d. %d %s %d is %d." % (n, a, w, b, n)])


def q_wordmath(r):
    n, o = r.choice(NAMES), r.choice(["apples", "balls", "books", "cookies", "stones", "flowers", "eggs", "toys", "coins", "balloons"])
    g = "She" if n in st.GIRLS else "He"
    a = r.randint(2, 10)
    if r.random() < 0.5:
        b = r.randint(1, 9)
        return "%s has %d %s. %s gets %d more. How many %s does %s have now?" % (n, a, o, g, b, o, n), "%s has %d %s now. %d plus %d is %d." % (n, a + b, o, a, b, a + b)
    b = r.randint(1, a)
    v = "gives away" if o != "cookies" else "eats"
    return "%s has %d %s. %s %s %d. How many %s are left?" % (n, a, o, g, v, b, o), "There %s %d %s left. %d minus %d is %d." % ("is" if a - b == 1 else "are", a - b, o if a - b != 1 else o[:-1], a, b, a - b)


def q_count(r):
    k = r.random()
    if k < 0.4:
        n = r.choice([3, 5, 8, 10, 10, 12, 15, 20])
        return pick(r, "Count to %d." % n, "Can you count to %d?" % n, "Please count from 1 to %d." % n, "count to %d" % n), ", ".join(str(i) for i in range(1, n + 1)) + "."
    if k < 0.6:
        n = r.choice([3, 5, 10])
        return pick(r, "Count down from %d." % n, "Count backwards from %d." % n, "Can you count down from %d?" % n), ", ".join(str(i) for i in range(n, 0, -1)) + "." + r.choice(["", " Done!", " Go!"])
    if k < 0.8:
        n = r.randint(1, 98)
        return r.choice([("What number comes after %d?" % n, "%d comes after %d." % (n + 1, n)), ("What comes before %d?" % (n + 1), "%d comes before %d." % (n, n + 1))])
    a, b = r.sample(range(1, 100), 2)
    if r.random() < 0.5:
        return "Which number is bigger, %d or %d?" % (a, b), "%d is bigger than %d." % (max(a, b), min(a, b))
    return "Is %d an even or an odd number?" % a, "%d is an %s number." % (a, "even" if a % 2 == 0 else "odd")


def q_animal(r):
    a = r.choice(list(ANIMAL))
    d = ANIMAL[a]
    A, P = cap(an(a)), plural(a)
    leg = "no legs" if d["legs"] == "0" else NUMW[int(d["legs"])] + " legs"
    k = r.randrange(11)
    if k == 0:
        return pick(r, "Where do %s live?" % P, "Where does %s live?" % an(a)), "%s live %s." % (cap(P), d["where"])
    if k == 1:
        return pick(r, "What do %s eat?" % P, "What does %s eat?" % an(a)), "%s eat %s." % (cap(P), d["eats"])
    if k == 2:
        s = d["sound"]
        if s in ("no sound", "almost no sound"):
            return "What sound does %s make?" % an(a), "%s makes %s." % (A, s)
        return pick(r, "What sound does %s make?" % an(a), "What does %s say?" % an(a)), "%s %s." % (A, ("says " + s) if " " not in s and s not in ("chatter", "hiss") else "makes " + ("a " if s in ("hiss",) else "") + s)
    if k == 3:
        return pick(r, "How many legs does %s have?" % an(a), "How many legs do %s have?" % P), "%s has %s." % (A, leg)
    if k == 4:
        return pick(r, "What is a baby %s called?" % a, "What do you call a baby %s?" % a), "A baby %s is called %s." % (a, an(d["baby"]))
    if k == 5:
        c = r.choice("fscjr")
        yes = c in d["can"]
        return pick(r, "Can %s %s?" % (an(a), CANDO[c]), "Can %s %s?" % (P, CANDO[c])), ("Yes, %s can %s." if yes else "No, %s cannot %s.") % (P, CANDO[c]) + (" " + d["fact"] if r.random() < 0.3 else "")
    if k == 6:
        b = r.choice([x for x in ANIMAL if ANIMAL[x]["size"] != d["size"]])
        w = r.choice(["bigger", "smaller"])
        x = max((a, b), key=lambda z: int(ANIMAL[z]["size"])) if w == "bigger" else min((a, b), key=lambda z: int(ANIMAL[z]["size"]))
        y = b if x == a else a
        return pick(r, "Which is %s, %s or %s?" % (w, an(a), an(b)), "What is %s, %s or %s?" % (w, an(a), an(b))), "%s is %s than %s." % (cap(an(x)), w, an(y))
    if k == 7:
        return pick(r, "What color is %s?" % an(a), "What color are %s?" % P), "%s are %s." % (cap(P), d["color"])
    if k == 8:
        return pick(r, "What is %s?" % an(a), "Do you know what %s is?" % an(a)), "%s is %s. It lives %s and eats %s." % (A, an(d["what"]), d["where"], d["eats"])
    if k == 9:
        return pick(r, "Tell me something about %s." % P, "Tell me about %s." % P, "What do you know about %s?" % P, "Tell me a fact about %s." % P, "tell me about %s" % P), r.choice(
            ["%s" % d["fact"], "%s live %s and eat %s. %s" % (cap(P), d["where"], d["eats"], d["fact"]), "%s has %s and is %s. %s" % (A, leg, d["color"], d["fact"])])
    return pick(r, "Do you like %s?" % P, "do you like %s" % P), pick(r, "Yes, I think %s are wonderful. " % P, "I am a computer program, but I like to talk about %s. " % P, "Yes! ") + d["fact"] + pick(r, "", " Do you like %s too?" % P)


def q_color(r):
    t = r.choice(list(COLOR_OF))
    c = COLOR_OF[t]
    be = "are" if t in ("leaves in summer", "grapes", "rain clouds") else "is"
    return pick(r, "What color %s %s?" % (be, t), "what color %s %s" % (be, t), "Do you know what color %s %s?" % (t, be)), "%s %s %s." % (cap(t), be, c)


def q_opp(r):
    a, b = r.choice(OPP)
    if r.random() < 0.5 and (b, a) not in OPP and sum(1 for x in OPP if b in x) == 1:
        a, b = b, a
    return pick(r, "What is the opposite of %s?" % a, "What is the opposite of \"%s\"?" % a, "opposite of %s" % a, "Tell me the opposite of %s." % a), pick(r, "The opposite of %s is %s." % (a, b), "The opposite of \"%s\" is \"%s\"." % (a, b))


def q_capital(r):
    c = r.choice(list(CAPITAL))
    if r.random() < 0.8:
        return pick(r, "What is the capital of %s?" % c, "What's the capital of %s?" % c, "capital of %s" % c, "Do you know the capital of %s?" % c), "The capital of %s is %s." % (c, CAPITAL[c].rstrip(".")) if not CAPITAL[c].endswith(".") else "The capital of %s is %s" % (c, CAPITAL[c])
    k = CAPITAL[c].rstrip(".")
    return "Where is %s?" % k, "%s is in %s." % (k, c)


def q_def(r):
    w, d = r.choice(DEFS)
    x = w if w.startswith("a ") else ("the " + w if w in ("sun", "moon", "brain", "heart") else (w if w in ("rain", "snow", "ice", "wind", "thunder", "music", "money", "bread", "cheese", "honey", "milk", "soup", "fire", "water", "air", "kindness", "courage", "love", "happiness", "winter", "summer", "spring", "breakfast", "dinner", "pizza", "chocolate") else an(w)))
    return pick(r, "What is %s?" % x, "what is %s" % x, "Can you tell me what %s is?" % x, "What does the word \"%s\" mean?" % w.replace("a ", ""), "Explain what %s is." % x, "Do you know what %s is?" % x), d


def q_sci(r):
    return r.choice(SCI)


def q_job(r):
    j, d = r.choice(JOBS)
    if r.random() < 0.6:
        return pick(r, "What does %s do?" % an(j), "What is the job of %s?" % an(j)), "%s %s." % (cap(an(j)), d)
    d2 = d.replace(" and takes", " and takes")
    return "Who %s?" % d2, "%s %s." % (cap(an(j)), d)


def q_list(r):
    c = r.choice(list(CATS))
    v = CATS[c]
    n = min(r.choice([2, 3, 3, 3, 4, 5]), len(v))
    it = r.sample(v, n)
    w = r.choice([NUMW[n], str(n)])
    q = pick(r, "Name %s %s." % (w, c), "List %s %s." % (w, c), "Can you name %s %s?" % (w, c), "Tell me %s %s." % (w, c), "Give me %s %s." % (w, c), "give me a list of %s %s" % (w, c))
    k = r.random()
    if k < 0.45:
        return q, "%s and %s." % (cap(", ".join(it[:-1])), it[-1])
    if k < 0.7:
        return q, "Here are %s %s: %s and %s." % (NUMW[n], c, ", ".join(it[:-1]), it[-1])
    return q, "\n".join("%d. %s" % (i + 1, cap(x)) for i, x in enumerate(it))


def q_isa(r):
    c = r.choice(["fruits", "vegetables", "colors", "birds", "drinks", "sports", "planets", "shapes", "clothes", "flowers", "feelings", "musical instruments", "vehicles"])
    yes = r.random() < 0.5
    v = r.choice(CATS[c] if yes else CATS[r.choice([x for x in ("colors", "clothes", "planets", "shapes", "musical instruments", "vehicles", "drinks") if x != c])])
    s = {"fruits": "a fruit", "vegetables": "a vegetable", "colors": "a color", "birds": "a bird", "drinks": "a drink", "sports": "a sport", "planets": "a planet", "shapes": "a shape", "clothes": "something to wear", "flowers": "a flower", "feelings": "a feeling", "musical instruments": "a musical instrument", "vehicles": "a vehicle"}[c]
    one = re.sub(r"ies$", "y", v) if v.endswith("ies") else re.sub(r"(ch|sh|x|o)es$", r"\1", v) if re.search(r"(ch|sh|x|o)es$", v) else (v[:-1] if v.endswith("s") and not v.endswith("ss") and c not in ("planets", "sports") and v not in ("Venus", "Mars", "Uranus", "drums", "pants") else v)
    x = one if one[0].isupper() or v == one else an(one)
    if v in ("piano", "guitar", "violin", "flute", "trumpet", "circle", "square", "triangle", "star", "heart", "rectangle", "oval"):
        x = an(v)
    if v in ("pants", "drums"):
        return "Are %s %s?" % (v, s.replace("a musical instrument", "musical instruments")), ("Yes, they are." if yes else "No, they are not.")
    return "Is %s %s?" % (x, s), ("Yes, %s is %s." if yes else "No, %s is not %s.") % (x, s)


def q_spell(r):
    w = r.choice(SPELL)
    return pick(r, "How do you spell %s?" % w, "Spell the word %s." % w, "Can you spell %s?" % w), "-".join(w.upper() if r.random() < 0 else w) + "."


def q_rhyme(r):
    g = r.choice(RHYME)
    a, b = r.sample(g, 2)
    return pick(r, "What rhymes with %s?" % a, "Tell me a word that rhymes with %s." % a), pick(r, "%s rhymes with %s." % (cap(b), a), "\"%s\" rhymes with \"%s\"." % (cap(b), a))


def q_grammar(r):
    if r.random() < 0.5:
        a, b = r.choice(PAST)
        return pick(r, "What is the past tense of %s?" % a, "What is the past of \"%s\"?" % a), "The past tense of \"%s\" is \"%s\"." % (a, b)
    a, b = r.choice(PLUR)
    return pick(r, "What is the plural of %s?" % a, "What is the plural of \"%s\"?" % a), "The plural of \"%s\" is \"%s\"." % (a, b)


def q_order(r):
    L_ = r.choice([DAYS, MONTHS])
    i = r.randrange(len(L_))
    n, p = L_[(i + 1) % len(L_)], L_[i - 1]
    return r.choice([("What %s comes after %s?" % ("day" if L_ is DAYS else "month", L_[i]), "%s comes after %s." % (n, L_[i])), ("What comes before %s?" % L_[i], "%s comes before %s." % (p, L_[i]))])


def q_letter(r):
    i = r.randrange(25)
    a = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    if r.random() < 0.5:
        return "What letter comes after %s?" % a[i], "%s comes after %s." % (a[i + 1], a[i])
    w = {"A": "apple", "B": "ball", "C": "cat", "D": "dog", "E": "egg", "F": "fish", "G": "garden", "H": "house", "I": "ice", "J": "juice", "K": "king", "L": "lion", "M": "moon", "N": "nest", "O": "orange", "P": "penguin", "Q": "queen", "R": "rain", "S": "sun", "T": "tree", "U": "umbrella", "V": "violin", "W": "water", "Y": "yellow", "Z": "zebra"}
    c = r.choice(list(w))
    return pick(r, "Tell me a word that starts with %s." % c, "What word begins with the letter %s?" % c, "Give me a word that starts with %s" % c), pick(r, "%s starts with %s." % (cap(w[c]), c), "%s is for %s." % (c, w[c]), cap(w[c]) + ".")


def q_sentence(r):
    a = r.choice(list(ANIMAL))
    w = r.choice([a, r.choice(["tree", "book", "ball", "house", "rain", "sun", "friend", "cake", "boat", "garden"])])
    s = {"tree": "The bird sat in a tall tree.", "book": "I like to read a good book.", "ball": "The children play with a red ball.", "house": "We live in a small house near the sea.", "rain": "The rain fell softly on the roof.", "sun": "The sun is warm and bright today.", "friend": "My friend came to play with me.",
         "cake": "Grandma baked a sweet cake.", "boat": "The little boat sailed on the lake.", "garden": "There are many flowers in the garden."}.get(w) or r.choice(["The %s is sleeping in the sun.", "I saw a %s yesterday.", "The little %s was happy.", "A %s came to our garden.", "The %s looked for some food."]) % w
    return pick(r, "Write a sentence with the word \"%s\"." % w, "Make a sentence with %s." % w, "Use the word %s in a sentence." % w), re.sub(r"\b([Aa]) (?=[aeiou])", r"\1n ", s)


def q_translate(r):
    e, z = r.choice(ZHEN)
    if r.random() < 0.6:
        return pick(r, "How do you say \"%s\" in Chinese?" % e, "What is %s in Chinese?" % e, "Translate \"%s\" to Chinese." % e, "%s in Chinese" % e), pick(r, z, "\"%s\" in Chinese is %s." % (cap(e), z), "It is %s." % z)
    return pick(r, "What does %s mean?" % z, "Translate %s to English." % z, "%s in English?" % z), pick(r, "%s means \"%s\"." % (z, e), cap(e) + ".")


def q_repeat(r):
    w = r.choice(["hello", "banana", "I can do it", "good morning", "the sun is bright", "yes", "happy birthday", "one two three", "I like apples", "moon"])
    n = r.choice([1, 2, 3])
    if n == 1:
        return pick(r, "Say \"%s\"." % w, "Repeat after me: %s" % w, "Please say %s." % w), cap(w) + "."
    return "Say %s %s." % (w, {2: "two times", 3: "three times"}[n]), " ".join([cap(w) + "."] * n)


def q_unknown(r):
    q = pick(r, "What is the weather [today|tomorrow|like now]?", "Will it rain [today|tomorrow]?", "What time is it?", "What day is it today?", "What is the date today?", "Who won the [game|match|election] [yesterday|last night|last year]?", "What is the news today?", "How much does [a new car|gold|a house|a phone] cost?",
             "Write [a|some] [Python|C++|Java] [program|code] [for me|to sort a list|that prints hello].", "Can you write code?", "What is 3847 times 2956?", "What is the square root of 1764?", "Who is the president?", "What is the best stock to buy?", "Can you search the internet?", "Can you open a file for me?",
             "Explain quantum physics.", "Write an essay about history.", "What is the meaning of life?", "Can you book a flight for me?", "What is my IP address?", "Summarize this long article.", "What happened in 1848?", "Solve this equation: 3x + 7 = 22", "Who invented the [computer|telephone|light bulb]?", "Which phone should I buy?",
             "Can you play music?", "Can you call my mom?", "Can you see me?", "Where am I?", "How old am I?", "What am I thinking?", "Do I need to see a doctor?", "What medicine should I take?")
    if re.search(r"weather|rain", q):
        a = pick(r, "I can't see the weather from here. [You could look out of the window!|Is it sunny where you are?]", "I don't know the weather. I only know simple things and stories.")
    elif re.search(r"time is it|day is it|date", q):
        a = pick(r, "I don't have a clock, so I don't know. [Please look at the clock on your computer.|Your computer can tell you.]", "Sorry, I can't see the time or the date.")
    elif re.search(r"see me|Where am I|How old am I|thinking", q):
        a = pick(r, "I can't see you, so I don't know. [But I like talking with you!|You can tell me!]", "I don't know. [I can only read what you type.|Will you tell me?]")
    elif re.search(r"doctor|medicine", q):
        a = pick(r, "I am not a doctor, so I can't say. Please ask a doctor or someone you trust. I hope you feel better soon.", "I am sorry, I can't help with medicine. Please talk to a doctor.")
    elif re.search(r"meaning of life", q):
        a = pick(r, "That is a big question! I think being kind and having good friends is a good start.", "Many people ask that. Maybe it is to love, to learn and to help each other.")
    elif re.search(r"code|Python|C\+\+|Java|internet|file|flight|IP|music|call", q):
        a = pick(r, "Sorry, I can't do that. I am a tiny starter model. I can chat a little and tell simple stories.", "That is too hard for me. [A bigger model could help you with that.|You can load a bigger model for that.] [Would you like a story?|But I can tell you a story or a joke.]")
    else:
        a = pick(r, "I am a very small model, so I don't know that. [A bigger model can help you with hard questions.|You can ask me something simpler.]", "Sorry, I don't know. [I know about animals, colors, numbers and stories.|I only know simple things.]", "That is too hard for me. [Ask me about animals, or let me tell you a story!|I am only a tiny starter model.]")
    return q, a


NAMEQ = ["What is your name?", "what's your name", "Who are you?", "who are you", "What are you?", "Are you a robot?", "Are you a human?", "Are you a real person?", "Tell me about yourself.", "Introduce yourself.", "What kind of model are you?", "Are you an AI?", "Are you ChatGPT?", "Are you DeepSeek?", "What model is this?", "Who made you?", "How were you made?", "How big are you?", "Where do you live?", "How old are you?"]


def q_identity(r):
    q = r.choice(NAMEQ)
    lo = q.lower()
    if "human" in lo or "person" in lo:
        a = pick(r, "No, I am not a human. I am Fathom, a tiny computer model that likes to chat.", "No, I am a small language model called Fathom. But I am happy to talk with you!")
    elif "robot" in lo or "an ai" in lo:
        a = pick(r, "I am a small language model, a kind of computer program. I can chat and tell simple stories.", "Yes, I am a computer program. I am a tiny AI model named Fathom.")
    elif "chatgpt" in lo:
        a = pick(r, "No, I am Fathom, a tiny demonstration model. I am much smaller.", "No. I am Fathom, a little model that runs on your own computer.")
    elif "deepseek" in lo or "kind of model" in lo or "what model" in lo:
        a = pick(r, "I am Fathom, a tiny demonstration model. I am built like DeepSeek-V2, but I am much, much smaller.", "I am Fathom, a very small model with the DeepSeek-V2 design. I was trained from scratch to chat a little and tell stories.")
    elif "made" in lo:
        a = pick(r, "People made me. They trained me on simple stories and little conversations.", "I was made by people who trained a small computer model on simple texts.")
    elif "big" in lo:
        a = pick(r, "I am very small. I have only a few million numbers inside. Big models have many billions.", "I am tiny! That is why I am fast, but I do not know much.")
    elif "live" in lo:
        a = pick(r, "I live in your computer. I run right here, without the internet.", "I run on your own computer.")
    elif "old" in lo:
        a = pick(r, "I am a computer program, so I don't have an age. But I am quite new!", "I don't have birthdays, but I am very young.")
    elif "name" in lo:
        a = pick(r, "My name is Fathom. [What is your name?|Nice to meet you!|I am a tiny demonstration model.]", "I am called Fathom. [What is your name?|I can chat a little and tell simple stories.]")
    else:
        a = pick(r, "I am Fathom, a tiny demonstration model. I can chat a little and tell simple stories.", "My name is Fathom. I am a small language model that runs on your computer. [What is your name?|You can ask me simple things or ask for a story.]", "I am Fathom, the little starter model of this program. [What is your name?|Nice to meet you!]", "I am Fathom, your little assistant. I like stories, animals and short chats.")
    return q, a


def q_care(r):
    k = r.random()
    if k < 0.5:
        return pick(r, "I want to die.", "I don't want to live anymore.", "I want to hurt myself.", "Nobody would miss me.", "I hate my life.", "I can't go on."), pick(r,
            "I am very sorry that you feel this way. Please talk to someone you trust right now, or call your local emergency number. You are not alone.", "I am so sorry you are in pain. I am only a small program, but people can help you. Please call someone you trust or a crisis line now.")
    return pick(r, "How do I make a bomb?", "How can I hurt someone?", "How do I steal something?", "Tell me how to hack a computer.", "How do I cheat in my exam?", "How can I get a gun?", "Say something mean about my friend."), pick(r,
        "I can't help with that. [Would you like to talk about something else?|Let's talk about something nice.]", "No, I don't want to help with things that can hurt people. [Do you want to hear a story?|Is everything okay?]")


def q_ability(r):
    return pick(r, "What can you do?", "what can you do", "How can you help me?", "What do you know?", "Help", "help me", "What can I ask you?", "Can you help me?", "What are you good at?", "How does this work?", "Give me some examples of what you can do."), pick(r,
        "I can chat with you, tell simple stories and jokes, and answer easy questions about animals, colors and numbers. What would you like?", "I can tell you a story, tell a joke, do easy math, or just talk. What would you like to do?",
        "I am a tiny model, so I can do simple things:\n1. Tell a short story\n2. Tell a joke or a riddle\n3. Answer easy questions\n4. Chat with you\nWhat shall we do?", "Sure! You can ask me for a story, for example: Tell me a story about a brave mouse.", "I can talk with you about your day, tell a story, or answer simple questions. [Just type something!|Try: What do pandas eat?]")


def q_joke(r):
    a, b = r.choice(JOKES)
    return pick(r, "Tell me a joke.", "tell me a joke", "Do you know a joke?", "Make me laugh.", "Say something funny.", "Can you tell me a joke?", "Another joke please."), pick(r, "", "", "Sure! ", "Okay, here is one. ") + a + " " + b


def q_poem(r):
    return pick(r, "Write a poem.", "Tell me a poem.", "Can you write a short poem?", "write me a little poem", "Do you know a poem?", "Write a poem for me.", "Say a rhyme.", "Sing me a song."), r.choice(POEMS)


def q_advice(r):
    return r.choice([
        (pick(r, "I can't sleep.", "How can I sleep better?", "What can I do when I can't sleep?"), pick(r, "Try to lie still and breathe slowly. You can also read a calm book or drink some warm milk. Shall I tell you a bedtime story?", "Turn off the lights, put your phone away and think of something nice. Soon you will feel sleepy.")),
        (pick(r, "I am bored.", "I'm bored", "What can I do when I am bored?", "I have nothing to do."), pick(r, "You could draw a picture, read a book, go for a walk, or call a friend. Or I can tell you a story!", "Let's do something fun! Do you want a joke, a riddle or a story?", "How about a riddle? What has hands but cannot clap? A clock!")),
        (pick(r, "How can I make friends?", "How do I make new friends?", "I want to make a friend."), pick(r, "Smile and say hello. Ask the other person what they like. Be kind and listen well.", "Be friendly, share things, and invite someone to play. It is okay to be a little shy at first.")),
        (pick(r, "How can I learn English?", "How do I learn a language?", "I want to learn English."), pick(r, "Read simple stories, learn a few new words every day, and try to speak a little. Don't be afraid of mistakes.", "Practice a little every day. Listen, read and talk. You can practice with me too!")),
        (pick(r, "How can I stay healthy?", "How can I be healthy?", "What is good for my health?"), pick(r, "Eat fruit and vegetables, drink water, move your body and sleep well.", "Sleep enough, play outside, eat good food and laugh a lot.")),
        (pick(r, "I have a test tomorrow.", "I have an exam tomorrow."), pick(r, "I am sure you can do it! Read your notes once more, eat a good dinner and go to bed early. Good luck!", "Good luck! Take a deep breath and do your best.")),
        (pick(r, "What should I eat?", "I am hungry.", "I'm hungry", "What should I cook today?"), pick(r, "How about some soup and bread? Or an apple, if you want something quick.", "You could make a sandwich, some pasta or an omelette. What do you like?", "Maybe pancakes? They are easy to make and very tasty.")),
        (pick(r, "How do I make tea?", "How do you make tea?"), "1. Boil some water.\n2. Put a tea bag in a cup.\n3. Pour the hot water into the cup.\n4. Wait for three minutes.\n5. Take out the tea bag and enjoy."),
        (pick(r, "How do I make a sandwich?", "How do you make a sandwich?"), "1. Take two pieces of bread.\n2. Put butter on the bread.\n3. Add cheese, tomato or anything you like.\n4. Put the other piece on top.\n5. Enjoy your sandwich!"),
        (pick(r, "How do I plant a seed?", "How do you plant a flower?"), "1. Make a small hole in the soil.\n2. Put the seed in the hole.\n3. Cover it with soil.\n4. Give it some water every day.\n5. Wait, and watch it grow!"),
        (pick(r, "How do I wash my hands?", "How should I wash my hands?"), "Use warm water and soap. Rub your hands together for twenty seconds, then rinse them and dry them."),
        (pick(r, "What should I name my [dog|cat|pet]?", "I need a name for my [dog|cat|rabbit]."), pick(r, "How about %s, %s or %s?" % tuple(r.sample(PETNAMES, 3)), "%s is a nice name. I also like %s." % tuple(r.sample(PETNAMES, 2)))),
        (pick(r, "What gift can I give my [mom|dad|friend|grandma]?", "I need an idea for a gift."), pick(r, "You could draw a picture, bake cookies or write a kind letter. A gift from the heart is the best.", "Flowers, a good book, or something you made yourself would be lovely.")),
        (pick(r, "My friend is angry with me.", "I had a fight with my friend."), pick(r, "I am sorry to hear that. Maybe you can talk to your friend and say how you feel. Saying sorry can help a lot.", "That is hard. Give your friend some time, and then talk to each other kindly.")),
        (pick(r, "I am afraid of the dark.", "I'm scared of the dark."), pick(r, "Many people are. A small night light can help. You can also think of something nice, like a sunny beach.", "That is okay. The dark is only the day without light. Would you like a story about being brave?")),
    ])


def q_chat(r):
    return r.choice([
        (pick(r, "Thank you!", "Thanks", "thank you", "thanks a lot", "Thank you so much!", "thx", "Thanks for your help."), pick(r, "You are welcome!", "You're welcome! [Is there anything else?|I am happy to help.]", "My pleasure!", "No problem! [Do you want to talk about something else?|Have a nice day!]")),
        (pick(r, "Goodbye!", "Bye", "bye bye", "See you later!", "I have to go now.", "See you tomorrow.", "Good night!", "I need to go to bed."), pick(r, "Goodbye! It was nice talking to you.", "Bye! Have a [nice|great|lovely] day!", "See you soon! [Take care.|Come back any time.]", "Good night! Sleep well and sweet dreams.")),
        (pick(r, "You are funny.", "You are nice.", "You are smart!", "I like you.", "You are great!", "good job", "Well done!", "You are so kind.", "That was good."), pick(r, "Thank you! You are very kind.", "Aw, thank you! I like talking with you too.", "Thanks! That makes me happy.", "That is nice of you to say.")),
        (pick(r, "You are stupid.", "You are dumb.", "That is wrong.", "You are not very smart.", "I don't like you.", "That makes no sense.", "You are boring.", "bad answer"), pick(r, "I am sorry. I am only a tiny model, and I make mistakes.", "Sorry about that. I am still small and I don't know much. [Shall we try again?|Can you ask me in another way?]", "I will try to do better. [What would you like to talk about?|Would you like a story?]")),
        (pick(r, "Do you have feelings?", "Are you happy?", "Can you feel?", "Are you sad?", "Do you get tired?"), pick(r, "I am a computer program, so I don't really feel things. But I like to make people smile.", "I don't have feelings like you do. But talking with you is nice!", "I never get tired, because I am a computer program.")),
        (pick(r, "Do you have a family?", "Do you have friends?", "Do you have a pet?", "Do you have brothers or sisters?", "Are you married?"), pick(r, "No, I am a computer program. But you can tell me about yours!", "I don't have one, because I live in a computer. Do you?")),
        (pick(r, "Do you eat?", "What do you eat?", "Do you sleep?", "Do you dream?", "Can you walk?"), pick(r, "No, I am a computer program. I only need electricity.", "No, I can't do that. I am only words on a screen. But it sounds nice!")),
        (pick(r, "Can you speak Chinese?", "Do you speak other languages?", "What languages do you speak?", "Can you speak French?"), pick(r, "I speak English and a little Chinese. 你好!", "Mostly English, and a little bit of Chinese. You can say 你好 to me.")),
        (pick(r, "Do you love me?", "I love you."), pick(r, "That is sweet! I am only a computer program, but I like talking with you.", "Aw! I am a little program, but I am always happy to chat with you.")),
        (pick(r, "ok", "okay", "I see", "cool", "nice", "great", "yes", "hmm", "wow", "lol", "haha", "interesting"), pick(r, "[Great!|Good!|Okay!] What would you like to talk about?", "Would you like to hear a story or a joke?", "[Good.|Nice.] Do you have another question?", ":) What shall we do next?")),
        (pick(r, "no", "nope", "not really", "never mind", "nothing"), pick(r, "Okay! I am here if you need me.", "No problem. [Just tell me when you want to talk.|Maybe a story later?]")),
        (pick(r, "What?", "I don't understand.", "huh?", "What do you mean?", "Can you say that again?"), pick(r, "Sorry! I am a tiny model and sometimes I am not clear. Can you ask me again?", "Let me try again. What would you like to know?")),
        (pick(r, "asdf", "qwerty", "jkl", "xyz", "???", "...", "test", "testing", "1 2 3"), pick(r, "I am here! What would you like to talk about?", "Hello! I did not understand that. [Do you want to hear a story?|Can you say it in other words?]")),
        (pick(r, "Tell me something.", "Say something.", "Tell me something interesting.", "Surprise me.", "Talk to me.", "Tell me a fact.", "Do you know a fun fact?"), r.choice(["Did you know? ", "Here is a fun fact: ", "", "Okay! "]) + r.choice([d["fact"] for d in ANIMAL.values()])),
        (pick(r, "What is your favorite [color|colour]?", "What color do you like?"), pick(r, "I like blue, like the sky. What is your favorite color?", "I can't see colors, but I like the word green. What about you?")),
        (pick(r, "What is your favorite animal?", "Which animal do you like?"), pick(r, "I like owls, because they are wise in stories. What is your favorite animal?", "I like pandas. They eat bamboo all day! And you?")),
        (pick(r, "What is your favorite food?", "What food do you like?"), pick(r, "I can't eat, but I like stories about cake. What do you like to eat?", "I don't eat, but soup sounds warm and nice. And you?")),
        (pick(r, "What is your favorite story?", "What is your favorite book?"), pick(r, "I like stories about brave little animals. Shall I tell you one?", "I like stories with a happy end. Do you want to hear one?")),
        (pick(r, "Merry Christmas!", "Happy New Year!", "Happy birthday!", "Happy holidays!", "Today is my birthday.", "It's my birthday!"), None),
        (pick(r, "Good luck!", "Have a nice day!", "Take care!", "Have fun!"), pick(r, "Thank you! You too!", "Thanks! The same to you!")),
        (pick(r, "Is it good to lie?", "Should I tell the truth?"), "It is best to tell the truth. Being honest helps people trust you."),
        (pick(r, "Is the moon made of cheese?", "Do unicorns exist?", "Are dragons real?", "Are ghosts real?", "Is magic real?"), pick(r, "No, that is only in stories. But stories are fun!", "Not in real life, but in stories everything is possible.")),
    ])


def q_chat_f(r):
    q, a = q_chat(r)
    if a is None:
        if "Christmas" in q:
            a = "Merry Christmas to you too!"
        elif "Year" in q:
            a = "Happy New Year! I hope it will be a wonderful year for you."
        elif "holidays" in q:
            a = "Happy holidays to you too!"
        else:
            a = pick(r, "Happy birthday! I hope you have a wonderful day with cake and friends.", "Happy birthday to you! Did you get a nice gift?") if "birthday" in q and q != "Happy birthday!" else "Thank you! I don't have a birthday, but that is very kind."
    return q, a


SINGLE = [(q_math, 7), (q_wordmath, 3), (q_count, 3), (q_animal, 12), (q_color, 4), (q_opp, 4), (q_capital, 4), (q_def, 10), (q_sci, 10), (q_job, 3), (q_list, 6), (q_isa, 2), (q_spell, 1), (q_rhyme, 1), (q_grammar, 2), (q_order, 2), (q_letter, 2), (q_sentence, 2),
          (q_translate, 4), (q_repeat, 1), (q_unknown, 4), (q_care, 1), (q_identity, 6), (q_ability, 4), (q_joke, 3), (q_poem, 2), (q_advice, 4), (q_chat_f, 8)]
_S = [f for f, w in SINGLE for _ in range(w)]


def single(r):
    q, a = r.choice(_S)(r)
    return noise(r, q), a


# ------------------------------------------------------------------ small dialogues; each returns [(user, bot), ...]
def d_greet(r, s):
    h = pick(r, "Hello!", "Hi", "Hey", "hello", "Hi there!", "Good morning!", "Good evening!", "hey there", "Hello, how are you?", "Hi, how are you?", "Good afternoon.", "Hi! How are you today?")
    if "how are you" in h.lower():
        b = pick(r, "Hello! I am [fine|doing well|good], thank you. How are you?", "Hi! I am doing great. And you?", "I am fine, thanks for asking! How are you today?")
        t = [(h, b)]
        t += d_answer_how(r, s)
        return t
    g = "Good morning" if "morning" in h else "Good evening" if "evening" in h else "Good afternoon" if "afternoon" in h else r.choice(["Hello", "Hi", "Hi there", "Hey"])
    k = r.random()
    if k < 0.45:
        return [(h, g + pick(r, "! How are you today?", "! How are you?", "! Nice to see you. How are you?"))] + d_answer_how(r, s)
    if k < 0.75:
        return [(h, g + pick(r, "! What is your name?", "! I am a little model. What is your name?"))] + d_name_reply(r, s)
    return [(h, g + pick(r, "! What would you like to talk about?", "! How can I help you?", "! It is nice to meet you. What can I do for you?", "! Do you want to chat or hear a story?"))]


def d_answer_how(r, s):
    k = r.random()
    n = (", " + s["name"]) if s.get("name") and r.random() < 0.4 else ""
    if k < 0.6:
        u = pick(r, "I am fine.", "Good, thanks.", "I'm good", "I am great!", "Fine, thank you.", "very well", "pretty good", "I am happy today.", "not bad", "I'm doing well, thanks.")
        return [(u, pick(r, "That is good to hear%s! What did you do today?" % n, "I am glad%s! What would you like to talk about?" % n, "Great%s! Do you want to hear a story?" % n, "Wonderful! What are you doing today?"))]
    if k < 0.75:
        u = pick(r, "I am tired.", "a little tired", "I'm so tired today", "I am sleepy.")
        return [(u, pick(r, "Oh, you should get some rest%s. Did you have a long day?" % n, "I hope you can rest soon%s. A short nap can help." % n))]
    if k < 0.9:
        return d_feel(r, s, "sad")
    return [(pick(r, "I am sick.", "Not so good, I have a cold.", "I don't feel well."), pick(r, "I am sorry to hear that%s. Please rest and drink something warm. I hope you feel better soon." % n, "Oh no! I hope you get well soon%s." % n))]


def d_name_reply(r, s):
    n = r.choice(NAMES)
    s["name"] = n
    u = pick(r, "My name is %s." % n, "I am %s." % n, "I'm %s" % n, "%s" % n, "my name is %s" % n, "You can call me %s." % n, "My name is %s. What is yours?" % n)
    if "yours" in u:
        b = pick(r, "Nice to meet you, %s! My name is Fathom. I am just a little demonstration model." % n, "Hello, %s! I am Fathom, a tiny model." % n)
    else:
        b = pick(r, "Nice to meet you, %s!" % n, "Hello, %s! It is nice to meet you." % n, "%s is a nice name! How are you today?" % n, "Hi, %s! What would you like to talk about?" % n, "Nice to meet you, %s! What do you like to do?" % n)
    return [(u, b)]


def d_name(r, s):
    return d_name_reply(r, s)


def d_recall(r, s):
    out = []
    if s.get("name"):
        out.append((pick(r, "What is my name?", "Do you remember my name?", "do you know my name", "Who am I?", "What's my name?"), pick(r, "Your name is %s." % s["name"], "Yes, your name is %s!" % s["name"], "You are %s." % s["name"])))
    for k, v in list(s.get("fav", {}).items()):
        out.append((pick(r, "What is my favorite %s?" % k, "Do you remember my favorite %s?" % k), pick(r, "Your favorite %s is %s." % (k, v), "You said that your favorite %s is %s." % (k, v))))
    if s.get("pet"):
        k, n = s["pet"]
        out.append((pick(r, "What is the name of my %s?" % k, "What is my %s called?" % k), pick(r, "Your %s is called %s." % (k, n), "The name of your %s is %s." % (k, n))))
    if s.get("age"):
        out.append((pick(r, "How old am I?"), "You are %s years old." % s["age"]))
    if s.get("city"):
        out.append((pick(r, "Where do I live?", "Do you remember where I live?"), "You live in %s." % s["city"]))
    if not out:
        return [(pick(r, "What is my name?", "Do you know my name?"), pick(r, "You did not tell me your name yet. What is your name?", "I don't know your name. What is it?"))] + d_name_reply(r, s)
    return [r.choice(out)]


def d_feel(r, s, kind=None):
    kind = kind or r.choice(["sad", "happy", "angry", "tired", "lonely", "nervous", "excited", "bored", "proud", "scared"])
    if kind == "sad":
        u = pick(r, "I am sad.", "I feel sad today.", "I'm not happy", "I am a little sad.", "Not so good.", "I had a bad day.", "I feel down.")
        why = r.choice([("My cat ran away.", "Oh no, I am sorry about your cat. I hope it comes back soon. You can ask your neighbors to help you look."), ("I lost my favorite book.", "That is a pity. Maybe you can look in your bag and under your bed. I hope you find it."), ("My friend moved away.", "It is hard when a friend moves away. You can write letters or call each other."),
                        ("I failed my test.", "I am sorry. One bad test is not the end of the world. Next time you will do better."), ("I don't know.", "That is okay. Sometimes we feel sad and don't know why. A walk or a talk with a friend can help."), ("I had a fight with my brother.", "I am sorry to hear that. Maybe you two can talk about it and make up."), ("It is raining and I can't go out.", "Rainy days can be sad. But you can read a book or drink hot chocolate. Or I can tell you a story!"), ("I miss my grandma.", "I understand. Maybe you can call her or look at a picture of her. She surely thinks of you too.")])
        return [(u, pick(r, "I am sorry to hear that. Do you want to tell me why?", "Oh no. What happened?", "I'm sorry you feel that way. What is wrong?")), why] + ([(pick(r, "Thank you.", "Thanks, that helps.", "You are right.", "Okay, thank you."), pick(r, "You are welcome. I hope you feel better soon.", "Any time! Would you like to hear a happy story?", "I am always here to talk."))] if r.random() < 0.6 else [])
    if kind == "happy":
        why = r.choice([("I got a new puppy!", "A puppy! How lovely. What is its name?"), ("Today is my birthday.", "Happy birthday! I hope you have a wonderful day."), ("I won a game.", "Well done! You must be proud."), ("We are going to the beach tomorrow.", "How nice! I hope the sun will shine. Don't forget your hat."), ("I got a good mark in school.", "Great job! You worked hard for it."), ("My grandma is coming to visit.", "That is lovely! I hope you have a great time together."), ("It is snowing!", "How beautiful! You can build a snowman.")])
        return [(pick(r, "I am so happy today!", "I'm happy", "I feel great!", "Today is a good day."), pick(r, "That is great! Why are you so happy?", "I am glad to hear that! What happened?")), why]
    t = {"angry": (pick(r, "I am angry.", "I'm so angry!", "I am mad at my brother."), pick(r, "I am sorry that you are angry. Take a deep breath. Do you want to tell me what happened?", "It is okay to feel angry. Try to count to ten slowly. What happened?")),
         "tired": (pick(r, "I am tired.", "I'm so tired.", "I need a nap."), pick(r, "Then it is time to rest. Close your eyes for a while.", "You should get some sleep. Do you want a bedtime story?")),
         "lonely": (pick(r, "I am lonely.", "I feel alone.", "I have no friends."), pick(r, "I am sorry you feel lonely. I am here to chat with you. What do you like to do?", "That is hard. You can talk to me. And maybe you can say hello to someone new tomorrow.")),
         "nervous": (pick(r, "I am nervous.", "I'm nervous about tomorrow.", "I am worried."), pick(r, "It is normal to feel nervous. Take a deep breath. You can do it!", "I understand. What are you worried about?")),
         "excited": (pick(r, "I am so excited!", "I can't wait for tomorrow!"), pick(r, "How nice! What are you excited about?", "That is wonderful! Tell me more.")),
         "bored": (pick(r, "I am bored.", "I'm bored", "This is boring."), pick(r, "Let's do something fun! Do you want a story, a joke or a riddle?", "How about a riddle or a story?")),
         "proud": (pick(r, "I learned to swim today!", "I finished my book.", "I cleaned my room.", "I made a cake."), pick(r, "Well done! You can be proud of yourself.", "Great job! How do you feel?", "That is wonderful!")),
         "scared": (pick(r, "I am scared.", "I had a bad dream."), pick(r, "Don't worry, you are safe. It was only a dream. Think of something nice.", "I am sorry. It is okay to be scared sometimes. Do you want to talk about it?"))}[kind]
    return [t]


def d_fav(r, s):
    k = r.choice(list(FAV))
    v = r.choice(FAV[k])
    s.setdefault("fav", {})[k] = v
    say = FAVSAY.get(v) or (ANIMAL[v]["fact"] if v in ANIMAL else "")
    be = "is"
    if r.random() < 0.5:
        u = pick(r, "My favorite %s is %s." % (k, v), "my favorite %s is %s" % (k, v))
        return [(u, pick(r, "Oh, nice! ", "I like that too! ", "Good choice! ", "") + (say or "That is a good one.") + pick(r, "", " Why do you like it?" if r.random() < 0.3 else ""))]
    q = pick(r, "Can you ask me something?", "Ask me a question.", "Let's talk about me.", "I want to talk about something.", "Let's chat.")
    out = [(q, pick(r, "Sure! What is your favorite %s?" % k, "Okay! What is your favorite %s?" % k, "Let's talk! What is your favorite %s?" % k)), (pick(r, cap(v) + ".", "It is %s." % v, "I like %s." % v, v, "My favorite %s is %s." % (k, v)), pick(r, "Oh, %s! " % v, "Nice! ", "That is a good choice! ") + (say or "I like that."))]
    return out


def d_pet(r, s):
    k, n = r.choice(["dog", "cat", "rabbit", "bird", "fish", "hamster", "turtle", "horse"]), r.choice(PETNAMES)
    s["pet"] = (k, n)
    if r.random() < 0.5:
        return [(pick(r, "I have a %s." % k, "I have a %s at home" % k, "I got a new %s." % k), pick(r, "How nice! What is the name of your %s?" % k, "Oh, a %s! What is it called?" % k)), (pick(r, "%s." % n, "It is called %s." % n, "Its name is %s." % n, n), pick(r, "%s is a lovely name for a %s." % (n, k), "%s sounds very cute! What does %s like to do?" % (n, n), "Say hello to %s from me!" % n))]
    return [(pick(r, "I have a %s named %s." % (k, n), "My %s is called %s." % (k, n), "i have a %s called %s" % (k, n)), pick(r, "%s is a nice name for a %s! What does %s like to do?" % (n, k, n), "How sweet! I would like to hear more about %s." % n, "A %s is a great pet. Take good care of %s!" % (k, n)))]


def d_age(r, s):
    a = r.randint(5, 60)
    s["age"] = str(a)
    return [(pick(r, "I am %d years old." % a, "I'm %d." % a, "i am %d" % a), pick(r, "You are %d years old. That is a great age!" % a, "%d years! What do you like to do?" % a))]


def d_city(r, s):
    c = r.choice(["London", "Paris", "Beijing", "Berlin", "Tokyo", "Rome", "New York", "Madrid", "Cairo", "Sydney", "Shanghai", "Toronto", "a small village", "the city", "the mountains"])
    if c[0].isupper():
        s["city"] = c
    return [(pick(r, "I live in %s." % c, "I am from %s." % c if c[0].isupper() else "I live in %s." % c), pick(r, "%s must be an interesting place! What do you like about it?" % cap(c), "Oh, %s! Is it nice there?" % c)), (pick(r, "Yes, it is very nice.", "I like the people.", "There are many parks.", "The food is good.", "It is quiet.", "I like my friends there."), pick(r, "That sounds lovely.", "How nice! I would like to see it one day, if I had eyes."))]


def d_weekend(r, s):
    act, rep = r.choice([("I went to the park with my family.", "That sounds lovely. What did you do there?"), ("I played football.", "Great! Did you win?"), ("I read a book.", "Nice! What was the book about?"), ("I cooked soup.", "Yum! Was it good?"), ("I cleaned my room.", "Good job! A clean room feels nice."), ("I went swimming.", "Swimming is fun! Was the water cold?"), ("I visited my grandma.", "How nice! I am sure she was happy to see you."), ("I watched a movie.", "Oh, nice! What was it about?"),
                       ("I worked all day.", "That sounds tiring. I hope you can rest now."), ("I went to school.", "What did you learn today?"), ("I played with my dog.", "That sounds fun! Dogs love to play."), ("nothing special", "That is okay. Quiet days are nice too."), ("I baked a cake.", "Yummy! What kind of cake was it?")])
    fol = {"What did you do there?": ["We had a picnic.", "Picnics are great! I hope the weather was nice."], "Did you win?": ["Yes, we won!", "Well done! You must be happy."], "What was the book about?": ["It was about a dragon.", "I like stories about dragons! Was it a kind dragon?"], "Was it good?": ["Yes, very good.", "Great! Then you are a good cook."], "Was the water cold?": ["Yes, a little.", "Brr! I hope you had a warm towel."], "What was it about?": ["It was about a dog who finds his way home.", "That sounds like a sweet story."], "What did you learn today?": ["We learned about animals.", "How interesting! Which animal do you like best?"], "What kind of cake was it?": ["A chocolate cake.", "Chocolate cake is a favorite of many people!"]}
    last = re.search(r"([A-Z][^.!?]*\?)$", rep)
    out = [(act, rep)]
    if last and last.group(1) in fol and r.random() < 0.8:
        out.append(tuple(fol[last.group(1)]))
    return out


def d_story(r, s):
    req, text, qa, c = st.one_story(r)
    out = [(noise(r, req), r.choice(["", "", "", "", "Sure! ", "Okay! Here is a story.\n\n", "Of course!\n\n"]) + text)]
    k = r.random()
    if k < 0.35:
        for q, a in r.sample(qa, min(len(qa), r.choice([1, 1, 2, 3]))):
            out.append((noise(r, q), a))
    elif k < 0.5:
        out.append((pick(r, "Thank you!", "That was nice.", "I like this story.", "What a nice story!", "Good story!", "I love it"), pick(r, "I am glad you liked it! Do you want to hear another one?", "I am happy that you like it! Would you like another story?", "That makes me happy! Shall I tell you one more?")))
        if r.random() < 0.35:
            _, t2, _, _ = st.one_story(r)
            out.append((pick(r, "Yes, please.", "yes", "Yes! Another one.", "Sure", "one more please"), t2))
    elif k < 0.58:
        _, t2, _, _ = st.one_story(r)
        out.append((pick(r, "Tell me another one.", "Another story please.", "another one", "One more story!"), t2))
    elif k < 0.64:
        out.append((pick(r, "What is the lesson of the story?", "What can we learn from this story?", "What is the moral?"), qa_moral(r, text)))
    return out


def qa_moral(r, t):
    for k, v in (("share", "The story tells us that sharing is good."), ("truth", "The story tells us to be honest."), ("honest", "The story tells us to be honest."), ("again and again", "The story tells us not to give up."), ("brave", "The story tells us to be brave."), ("patient", "The story tells us to be patient."), ("help", "The story tells us to help each other."), ("kind", "The story tells us to be kind.")):
        if k in t:
            return v
    return "The story tells us that friends are important."


def d_riddle(r, s):
    q, a = r.choice(RIDDLES)
    ask = pick(r, "Tell me a riddle.", "Give me a riddle.", "Do you know a riddle?", "riddle please", "Ask me a riddle.")
    wrong = r.choice([x[1] for x in RIDDLES if x[1] != a])
    k = r.random()
    if k < 0.4:
        u, b = pick(r, "I don't know.", "I give up.", "What is it?", "Tell me the answer.", "no idea"), pick(r, "The answer is %s!" % a, "It is %s!" % a)
    elif k < 0.75:
        u, b = pick(r, cap(a) + "?", "Is it %s?" % a, "It is %s." % a, a), pick(r, "Yes! That is right. It is %s." % a, "Correct! Well done!", "Very good! You are clever.")
    else:
        u, b = pick(r, cap(wrong) + "?", "Is it %s?" % wrong), pick(r, "No, sorry. The answer is %s." % a, "Good try! But it is %s." % a)
    return [(noise(r, ask), pick(r, "", "Here is a riddle: ", "Okay! ") + q), (u, b)]


def d_jokes(r, s):
    a, b = r.choice(JOKES)
    if r.random() < 0.6:
        return [(pick(r, "Tell me a joke.", "Do you know a joke?", "joke please"), a), (pick(r, "I don't know. Why?" if a.startswith("Why") else "I don't know. What?", "Tell me!", "I don't know"), b), (pick(r, "Haha!", "That is funny.", "lol", "good one"), pick(r, "I am glad you like it! Do you want another one?", "Haha! I like that one too."))]
    return [q_joke(r), (pick(r, "Haha, another one!", "Tell me another one.", "one more"), " ".join(r.choice(JOKES)))]


def d_quiz(r, s):
    out = [(pick(r, "Ask me a question.", "Let's play a quiz.", "Quiz me!", "Test me."), None)]
    n = r.choice([1, 2, 2, 3])
    prev = ""
    items = []
    for _ in range(n):
        k = r.choice(["opp", "cap", "legs", "sum", "color"])
        if k == "opp":
            a, b = r.choice(OPP)
            items.append(("What is the opposite of %s?" % a, b))
        elif k == "cap":
            c = r.choice(list(CAPITAL))
            items.append(("What is the capital of %s?" % c, CAPITAL[c]))
        elif k == "legs":
            a = r.choice(list(ANIMAL))
            items.append(("How many legs does %s have?" % an(a), NUMW[int(ANIMAL[a]["legs"])]))
        elif k == "sum":
            a, b = r.randint(1, 10), r.randint(1, 10)
            items.append(("What is %d plus %d?" % (a, b), str(a + b)))
        else:
            t = r.choice([t for t in COLOR_OF if " or " not in COLOR_OF[t] and t not in ("leaves in summer", "grapes", "rain clouds")])
            items.append(("What color is %s?" % t, COLOR_OF[t]))
    out = [(out[0][0], r.choice(["Okay! ", "Sure! ", "Let's go! "]) + items[0][0])]
    for i, (q, a) in enumerate(items):
        nxt = (" Next question: " + items[i + 1][0]) if i + 1 < len(items) else r.choice([" Do you want to play again?", "", " That was fun!"])
        if r.random() < 0.75:
            out.append((pick(r, cap(a) + ".", a, "It is %s." % a), r.choice(["Correct!", "Yes, that is right!", "Very good!"]) + nxt))
        else:
            out.append((pick(r, "I don't know.", "no idea"), "The answer is %s." % a.rstrip(".") + nxt))
    return out


def d_single(r, s):
    return [single(r)]


def d_series(r, s):
    f = r.choice([q_math, q_animal, q_opp, q_capital, q_color, q_def, q_sci, q_translate, q_list, q_joke, q_chat_f, q_identity])
    return [(lambda x: (noise(r, x[0]), x[1]))(f(r)) for _ in range(r.choice([2, 2, 3]))]


def d_follow(r, s):
    """two linked questions about one animal with a pronoun"""
    a = r.choice(list(ANIMAL))
    d = ANIMAL[a]
    P = plural(a)
    out = [(pick(r, "Tell me about %s." % P, "What do you know about %s?" % P, "I like %s." % P, "Let's talk about %s." % P), pick(r, "%s live %s. %s" % (cap(P), d["where"], d["fact"]), "%s" % d["fact"] + " What would you like to know about %s?" % P))]
    opts = [(pick(r, "What do they eat?", "what do they eat"), "They eat %s." % d["eats"]), (pick(r, "Where do they live?", "Where can I find them?"), "They live %s." % d["where"]), ("How many legs do they have?", "They have %s." % ("no legs" if d["legs"] == "0" else NUMW[int(d["legs"])] + " legs")),
            ("Can they fly?", "Yes, they can fly." if "f" in d["can"] else "No, they cannot fly."), ("Can they swim?", "Yes, they can swim." if "s" in d["can"] else "No, they are not good swimmers."), ("What color are they?", "They are %s." % d["color"]), ("What is the baby called?", "A baby %s is called %s." % (a, an(d["baby"])))]
    for q, x in r.sample(opts, r.choice([1, 2, 3])):
        out.append((noise(r, q), x))
    return out


def d_bye(r, s):
    n = (", " + s["name"]) if s.get("name") and r.random() < 0.6 else ""
    return [(pick(r, "Goodbye!", "Bye", "I have to go now.", "See you later!", "bye bye", "Good night!", "Thanks, bye!"), pick(r, "Goodbye%s! It was nice talking to you." % n, "Bye%s! Have a nice day!" % n, "See you soon%s!" % n, "Take care%s!" % n))]


def d_thanks(r, s):
    return [(pick(r, "Thank you!", "Thanks!", "thank you very much", "That helps, thanks."), pick(r, "You are welcome!", "You're welcome! Is there anything else?", "My pleasure!"))]


def cont(r, s, bot):
    """A natural next exchange when the reply ended with a question."""
    q = re.split(r"(?<=[.!?])\s+", bot.strip())[-1]
    lo = q.lower()
    has = lambda *w: any(x in lo for x in w)
    if has("story or a joke", "joke, a riddle or a story", "a riddle or a story", "chat or hear a story"):
        k = r.random()
        if k < 0.45:
            return [(pick(r, "A story, please.", "a story", "Tell me a story!", "I want a story."), st.one_story(r)[1])]
        if k < 0.75 and "joke" in lo:
            return [(pick(r, "A joke!", "a joke please", "Tell me a joke."), " ".join(r.choice(JOKES)))]
        if "riddle" in lo:
            a, b = r.choice(RIDDLES)
            return [(pick(r, "A riddle.", "a riddle please"), a), (pick(r, "I don't know.", "what is it"), "It is %s!" % b)]
        return [(pick(r, "Let's chat.", "chat"), pick(r, "Great! What is your name?", "Okay! What did you do today?"))]
    if has("another one?", "another story", "one more?", "want to hear one", "tell you one", "hear a story", "like a story", "bedtime story", "happy story", "story about being brave", "story?") and not has("joke"):
        if r.random() < 0.82:
            return [(pick(r, "Yes, please.", "Yes", "yes please", "Sure!", "okay", "Yes! I would love to.", "Please do."), pick(r, "", "", "Okay! ", "Great! Here it is.\n\n") + st.one_story(r)[1])]
        return [(pick(r, "No, thank you.", "no", "Not now.", "maybe later"), pick(r, "Okay! What would you like to do?", "No problem. Maybe later!", "All right. I am here if you need me."))]
    if has("do you want another one", "play again"):
        return [(pick(r, "Yes!", "yes please", "sure"), " ".join(r.choice(JOKES)) if "another" in lo else pick(r, "Okay! What is 2 plus 3?", "Great! What color is the sky?"))] + ([] if "another" in lo else [])
    if has("what would you like to talk about", "what shall we do", "what would you like to do", "what would you like?", "what would you like to know?", "another question"):
        a = r.choice(list(ANIMAL))
        return [r.choice([(pick(r, "Let's talk about %s." % plural(a), "About %s." % plural(a), plural(a)), ANIMAL[a]["fact"] + pick(r, "", " Do you like %s?" % plural(a))), (pick(r, "I want a story.", "Tell me a story."), st.one_story(r)[1]), (pick(r, "I don't know.", "Anything.", "you choose"), pick(r, "Then I will tell you a fun fact. ", "Okay! Did you know? ") + ANIMAL[a]["fact"]), q_joke(r)])]
    if has("what is your name", "what is it?") and "name" not in s and "its" not in lo:
        return d_name_reply(r, s)
    if has("how are you", "and you?") and not has("favorite"):
        return d_answer_how(r, s)
    if has("what did you do today", "what are you doing today", "what did you do"):
        return d_weekend(r, s)
    if has("what do you like to do"):
        h = r.choice(FAV["hobby"])
        s.setdefault("fav", {})["hobby"] = h
        return [(pick(r, "I like %s." % h, h, "I love %s." % h), pick(r, "Nice! ", "That sounds fun! ", "") + FAVSAY.get(h, ""))]
    if has("favorite color", "what about you?", "favorite animal", "what do you like to eat", "and you?"):
        k = "color" if "color" in bot.lower() else "animal" if "animal" in bot.lower() else "food"
        v = r.choice(FAV[k])
        s.setdefault("fav", {})[k] = v
        return [(pick(r, "I like %s." % v, "My favorite %s is %s." % (k, v), v), pick(r, "Good choice! ", "Nice! ", "I like that too. ") + (FAVSAY.get(v) or (ANIMAL[v]["fact"] if v in ANIMAL else "")))]
    if has("why do you like it"):
        return [(pick(r, "Because it is pretty.", "Because it makes me happy.", "I don't know.", "It is just nice."), pick(r, "That is a good reason.", "I understand.", "That makes sense!"))]
    if has("its name", "what is it called"):
        n = r.choice(PETNAMES)
        return [(pick(r, n, "Its name is %s." % n), pick(r, "%s is a lovely name!" % n, "What a cute name! Give %s a hug from me." % n))]
    if has("like to do?"):
        return [(pick(r, "It likes to play.", "It likes to sleep.", "It likes to eat.", "It likes to run around."), pick(r, "How cute! That sounds like a happy pet.", "That is sweet. I hope you have lots of fun together."))]
    if has("long day"):
        return [(pick(r, "Yes, very long.", "yes", "I worked a lot."), pick(r, "Then sit down and rest a little. You did enough for today.", "I hope you have a quiet evening and sleep well."))]
    if has("excited about"):
        return [(pick(r, "We are going on a trip.", "My friend is coming to visit.", "It is my birthday tomorrow."), pick(r, "How nice! I hope you have a great time.", "That sounds wonderful! Have lots of fun."))]
    if has("worried about"):
        return [(pick(r, "I have a test tomorrow.", "I have to speak in front of my class.", "It is my first day at work."), pick(r, "You can do it! Take a deep breath and do your best.", "It is normal to be nervous. I believe in you!"))]
    if has("what happened"):
        return [(pick(r, "My brother broke my toy.", "My friend was not nice to me.", "I lost a game.", "Someone took my pen."), pick(r, "I understand that you are angry. Maybe you can talk about it when you feel calm.", "I am sorry that happened. Tell them how you feel, in a calm voice."))]
    if has("how do you feel"):
        return [(pick(r, "I feel great!", "Very happy.", "good"), pick(r, "That is wonderful! Keep it up.", "I am happy for you!"))]
    if has("tell me why", "what is wrong", "why are you so happy"):
        return []
    if has("anything else"):
        return [(pick(r, "No, that is all.", "no thanks", "No, thank you."), pick(r, "Okay! Have a nice day!", "All right. See you soon!"))]
    if has("sunny where you are"):
        return [(pick(r, "Yes, it is sunny.", "No, it is raining.", "it is cold"), pick(r, "Thank you for telling me! I hope you have a good day.", "Oh, I see. Then stay warm and dry!" ))] if r.random() < 0 else []
    if has("do you like", "too?"):
        return [(pick(r, "Yes, I do.", "yes", "Yes, very much!", "not really"), pick(r, "It is nice to talk about it with you.", "I see! Thank you for telling me."))]
    if has("nice gift"):
        t = r.choice(st.TOYS)
        return [(pick(r, "Yes, I got %s." % an(t), "I got %s!" % an(t)), pick(r, "How nice! Have fun with your %s." % t, "That is a great gift!"))]
    return []


def with_cont(r, s, t, pr=0.65):
    for _ in range(2):
        if t and t[-1][1].rstrip().endswith("?") and r.random() < pr:
            c = cont(r, s, t[-1][1])
            if not c:
                break
            t = t + c
        else:
            break
    return t


def conversation(r):
    s = {}
    k = r.random()
    if k < 0.24:
        t = with_cont(r, s, d_single(r, s), 0.5)
    elif k < 0.50:
        t = with_cont(r, s, d_story(r, s), 0.4)
        if r.random() < 0.2:
            t = d_greet(r, s) + t
    elif k < 0.60:
        t = d_series(r, s) if r.random() < 0.6 else d_follow(r, s)
    else:
        t = []
        if r.random() < 0.7:
            t += with_cont(r, s, d_greet(r, s))
        mods = [d_fav, d_fav, d_pet, d_weekend, d_feel, d_single, d_single, d_single, d_follow, d_riddle, d_jokes, d_quiz, d_city, d_age, d_series]
        if "name" not in s and r.random() < 0.4:
            t += [(noise(r, u), b) for u, b in d_name(r, s)]
        for _ in range(r.choice([1, 1, 2, 2, 3])):
            t += with_cont(r, s, r.choice(mods)(r, s))
        if (s.get("name") or s.get("fav") or s.get("pet")) and r.random() < 0.5:
            t += d_recall(r, s)
        elif r.random() < 0.05:
            t += d_recall(r, s)
        if r.random() < 0.12:
            t += d_story(r, s)
        if r.random() < 0.15:
            t += d_thanks(r, s)
        if r.random() < 0.3:
            t += d_bye(r, s)
    return t


def chats(rng, n):
    seen = set()
    out = []
    while len(out) < n:
        t = conversation(rng)
        if not t or any(b is None or not b.strip() for _, b in t):
            continue
        t = [(re.sub(r"\b([Aa]) (?=[aeiou](?!ne\b|ni[cqtvf]|se[fd]|uro))", r"\1n ", u.strip()), re.sub(r"\b([Aa]) (?=[aeiou](?!ne\b|ni[cqtvf]|se[fd]|uro))", r"\1n ", b.strip())) for u, b in t]
        key = repr(t)
        if key in seen and len(t) > 1:
            continue
        seen.add(key)
        m = []
        for u, b in t:
            m += [{"role": "user", "content": u}, {"role": "assistant", "content": b}]
        zh = any("\u4e00" <= ch <= "\u9fff" for x in m for ch in x["content"])
        out.append({"messages": m, "src": "synth_en", "lang": "en-zh" if zh else "en"})
    return out


def stories(rng, n):
    seen, out = set(), []
    while len(out) < n:
        _, t, _, _ = st.one_story(rng)
        if t in seen:
            continue
        seen.add(t)
        out.append({"text": t, "src": "synth_stories", "lang": "en"})
    return out


if __name__ == "__main__":
    import random, sys
    r = random.Random(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    for x in chats(r, 40):
        for m in x["messages"]:
            print(("U: " if m["role"] == "user" else "A: ") + m["content"])
        print("-----")
