package world

// heritage is a set of names that go together. Within a list the commoner names
// stand first; picks lean towards the front. A name may hold blanks, so the lists
// are separated by commas.
type heritage struct {
	weight               int
	female, male, family string
}

// heritages mirrors, roughly, who is in English and Welsh schools.
func heritages() []heritage {
	return []heritage{
		{58, britishGirls, britishBoys, britishFamilies},
		{5, irishGirls, irishBoys, irishFamilies},
		{4, welshGirls, welshBoys, welshFamilies},
		{7, southAsianMuslimGirls, southAsianMuslimBoys, southAsianMuslimFamilies},
		{5, indianGirls, indianBoys, indianFamilies},
		{5, westAfricanGirls, westAfricanBoys, westAfricanFamilies},
		{4, polishGirls, polishBoys, polishFamilies},
		{3, arabicGirls, arabicBoys, arabicFamilies},
		{2, chineseGirls, chineseBoys, chineseFamilies},
		{2, easternGirls, easternBoys, easternFamilies},
		{2, iberianGirls, iberianBoys, iberianFamilies},
		{2, northernGirls, northernBoys, northernFamilies},
		{1, turkishGirls, turkishBoys, turkishFamilies},
	}
}

const (
	britishGirls = "Olivia,Amelia,Isla,Ava,Lily,Freya,Florence,Willow,Ivy,Grace,Evie,Poppy,Charlotte,Sophie,Emily,Daisy,Rosie,Sienna,Ella,Elsie," +
		"Phoebe,Matilda,Evelyn,Harriet,Millie,Alice,Isabella,Mia,Maisie,Ruby,Bonnie,Eliza,Penelope,Harper,Lottie,Robyn,Thea,Violet,Luna,Orla," +
		"Hallie,Imogen,Jessica,Molly,Lucy,Holly,Erin,Abigail,Bethany,Megan,Chloe,Hannah,Georgia,Zara,Eleanor,Nancy,Martha,Beatrice,Darcey,Summer," +
		"Scarlett,Lola,Gracie,Lyla,Esme,Esmé,Zoe,Zoë,Chloë,Anaïs,Renée,Jasmine,Skye,Paige,Amber,Tilly,Lexi,Faith,Hope,Niamh,Iris,Rose,Annabelle," +
		"Francesca,Victoria,Rebecca,Lauren,Katie,Heidi,Jemima,Cora,Delilah,Mabel,Ottilie,Edith,Clara,Rowan,Lara,Naomi,Leah,Sarah,Rachel,Anna," +
		"Gabriella,Tabitha,Felicity,Mary-Jane,Ellie-Mae,Lily-Rose,Ava-Mae,Amelie,Elodie,Margot,Aurora,Arabella,Connie,Nell,Winifred,Beth,Kayleigh"
	britishBoys = "Noah,Oliver,George,Arthur,Leo,Harry,Oscar,Archie,Henry,Theodore,Jack,Charlie,Freddie,Alfie,Thomas,Theo,Joshua,William,James,Finley," +
		"Lucas,Isaac,Edward,Max,Teddy,Albie,Tommy,Alexander,Joseph,Ethan,Logan,Reggie,Samuel,Daniel,Elijah,Mason,Sebastian,Harrison,Jude,Hugo," +
		"Louie,Rory,Ezra,Rupert,Benjamin,Toby,Hunter,Roman,Arlo,Stanley,Ronnie,Frankie,Jaxon,Luca,Riley,Ralph,Dylan,Bobby,Albert,Adam,Jacob," +
		"Matthew,Luke,Ryan,Nathan,Callum,Connor,Liam,Cameron,Lewis,Kieran,Jamie,Aaron,Owen,Elliot,Felix,Jasper,Ellis,Caleb,Gabriel,Blake,Zachary," +
		"Dexter,Kai,Harvey,Bertie,Otis,Jenson,Michael,David,Christopher,Andrew,Peter,Robert,Patrick,Tyler,Brandon,Corey,Jordan,Tobias,Barnaby," +
		"Monty,Wilfred,Rafe,Sonny,Vincent,Nicholas,Dominic,Edmund,Rex,Ernie,Chester,Django,Thomas-James,Alfie-Ray,Jean-Luc,Zachary-John,Loïc,Joel"
	britishFamilies = "Smith,Jones,Taylor,Brown,Wilson,Johnson,Davies,Wright,Walker,White,Thompson,Robinson,Hughes,Edwards,Green,Hall,Wood,Harris," +
		"Clarke,Jackson,Lewis,Turner,Hill,Cooper,Ward,Moore,Morris,Clark,Lee,King,Baker,Harrison,Morgan,Allen,James,Scott,Watson,Parker,Bennett," +
		"Young,Phillips,Richardson,Mitchell,Bailey,Carter,Cook,Shaw,Bell,Collins,Miller,Kelly,Cox,Marshall,Simpson,Adams,Anderson,Wilkinson,Foster," +
		"Ellis,Mills,Chapman,Mason,Gray,Knight,Webb,Rogers,Hunt,Palmer,Stevens,Holmes,Barnes,Matthews,Fisher,Powell,Butler,Pearson,Dixon,Harvey," +
		"Fletcher,Graham,Andrews,Howard,Barker,Rose,Jenkins,Saunders,Fox,Lawrence,Dean,West,Stone,Hart,Cole,Hawkins,Elliott,Armstrong,Cunningham," +
		"McDonald,McKenzie,MacDonald,McLean,MacLeod,McIntyre,McAllister,MacKay,McBride,Fraser,Campbell,Stewart,Sinclair,Hamilton,Ferguson,Reid," +
		"Fitzgerald,Fitzpatrick,St John,Gordon-Lennox,Smith-Jones,Parker-Bowen,de la Mare,D'Arcy,Featherstone,Ramsbottom,Longbottom,Hargreaves," +
		"Entwistle,Ackroyd,Birtwistle,Sutcliffe,Braithwaite,Cartwright,Wainwright,Thistlethwaite,Pickering,Greenwood,Whitehead,Hardcastle,Yates," +
		"Beckett,Ashworth,Holloway,Goodwin,Spencer,Payne,Osborne,Francis,Gibson,Lambert,Sharp,Burton,Blackburn,Wallace,Bishop,Warren,Summers,Frost"

	irishGirls    = "Aoife,Saoirse,Niamh,Caoimhe,Ciara,Róisín,Orla,Clodagh,Sinéad,Gráinne,Éabha,Fiadh,Maeve,Bríd,Aisling,Eimear,Deirdre,Sorcha,Áine,Nóra,Shauna,Tara"
	irishBoys     = "Conor,Cillian,Oisín,Seán,Fionn,Tadhg,Darragh,Rían,Cian,Eoin,Pádraig,Séamus,Ruairí,Donnacha,Colm,Cathal,Declan,Brendan,Finbar,Diarmuid,Ciarán,Ronan"
	irishFamilies = "O'Brien,Murphy,Kelly,O'Sullivan,Walsh,O'Connor,Byrne,Ryan,O'Neill,O'Reilly,Doyle,McCarthy,Gallagher,Doherty,Kennedy,Lynch,Murray,Quinn," +
		"McLoughlin,O'Carroll,Connolly,Daly,O'Connell,Wilson,Dunne,Brennan,Burke,Collins,Hughes,Farrell,Ó Súilleabháin,Ní Bhriain,McGuinness,O’Donnell,O’Leary,Mac Giolla"

	welshGirls    = "Cerys,Ffion,Seren,Carys,Nia,Siân,Megan,Efa,Mali,Lowri,Gwen,Catrin,Bethan,Eleri,Rhiannon,Elin,Angharad,Non,Mared,Llinos,Heledd,Tegan"
	welshBoys     = "Dylan,Osian,Harri,Rhys,Evan,Iestyn,Gethin,Ioan,Macsen,Tomos,Llŷr,Owain,Gruffydd,Gwilym,Aled,Emyr,Dafydd,Hywel,Idris,Siôn,Steffan,Cai"
	welshFamilies = "Jones,Davies,Williams,Evans,Thomas,Roberts,Lewis,Griffiths,Morgan,Owen,Price,Llewellyn,Pritchard,Rees,Bowen,Powell,Howells,ap Rhys,ap Gwilym," +
		"Gwynne,Lloyd,Vaughan,Parry,Probert,Bevan,Meredith,Prosser,Cadwaladr,Tudor,Mostyn"

	southAsianMuslimGirls = "Aisha,Fatima,Maryam,Zainab,Khadija,Amina,Hafsa,Sumaiya,Ayesha,Inaya,Anaya,Hoorain,Eshal,Iqra,Noor,Sana,Mahnoor,Rabia,Samina,Nadia," +
		"Rukhsana,Tahmina,Nusrat,Shabana,Zoya,Laiba,Maira,Fariha,Safa,Amal"
	southAsianMuslimBoys = "Muhammad,Mohammed,Mohammad,Ibrahim,Yusuf,Ali,Hamza,Zakariya,Ismail,Musa,Adam,Bilal,Hassan,Hussain,Umar,Usman,Zayan,Rayyan,Ayaan,Haris," +
		"Imran,Kamran,Tariq,Faisal,Shahid,Abdul,Abdullah,Abdur-Rahman,Arham,Mikail"
	southAsianMuslimFamilies = "Khan,Ahmed,Hussain,Ali,Begum,Akhtar,Malik,Iqbal,Mahmood,Shah,Mirza,Butt,Chaudhry,Choudhury,Miah,Uddin,Rahman,Islam,Hoque,Chowdhury," +
		"Raja,Sheikh,Qureshi,Siddiqui,Ansari,Aziz,Bashir,Bibi,Javed,Rashid,Saleem,Yousaf,Zaman,ul-Haq,Kayani"

	indianGirls = "Priya,Anjali,Simran,Harpreet,Jasleen,Kavya,Diya,Isha,Meera,Riya,Aanya,Nisha,Pooja,Shreya,Aditi,Gurleen,Manpreet,Navneet,Kiran,Lakshmi,Saanvi,Tanvi," +
		"Jaya,Sunita,Deepika,Amrita,Avani,Mahi"
	indianBoys = "Arjun,Aarav,Rohan,Krishna,Dev,Vihaan,Harjit,Gurpreet,Manveer,Jaspreet,Rahul,Vikram,Ravi,Sanjay,Nikhil,Aryan,Kabir,Ishaan,Karan,Sahil,Suresh,Anand," +
		"Balraj,Amar,Dhruv,Yuvraj,Kunal,Pranav"
	indianFamilies = "Patel,Singh,Kaur,Sharma,Shah,Gill,Sandhu,Dhillon,Mistry,Desai,Mehta,Joshi,Gupta,Kumar,Rao,Reddy,Nair,Iyer,Menon,Pillai,Chopra,Kapoor,Bains,Sidhu,Grewal," +
		"Bhatt,Chauhan,Thakkar,Solanki,Sivakumar,Balasubramaniam,Krishnamurthy,D'Souza,Fernandes,Thangavelu"

	westAfricanGirls = "Chidinma,Adaeze,Ngozi,Amara,Ifeoma,Folake,Temitope,Oluwaseun,Abimbola,Yetunde,Ama,Akosua,Abena,Efua,Adjoa,Esther,Blessing,Precious,Grace,Deborah," +
		"Zainab,Fatou,Aminata,Mariama,Titilayo,Ọmọlará,Chiamaka,Nkechi"
	westAfricanBoys = "Emeka,Chinedu,Obinna,Tobi,Ayodele,Oluwatobi,Babatunde,Kwame,Kofi,Kwabena,Yaw,Kojo,Samuel,Emmanuel,Daniel,Joshua,David,Gideon,Femi,Segun,Ousmane,Lamin," +
		"Ibrahima,Sékou,Chukwuemeka,Ifeanyi,Ebrima,Modou"
	westAfricanFamilies = "Okafor,Adeyemi,Okonkwo,Mensah,Owusu,Boateng,Osei,Asante,Appiah,Adebayo,Ogunleye,Balogun,Eze,Nwosu,Chukwu,Obi,Afolabi,Olatunji,Bello,Diallo,Jallow,Ceesay," +
		"Traoré,Camara,Koné,Sesay,Kamara,Bangura,Agyeman,Amoah,Oyelaran-Cole,Adéṣínà,Ekwueme,Nwachukwu"

	polishGirls    = "Zuzanna,Julia,Maja,Zofia,Hanna,Lena,Alicja,Oliwia,Natalia,Wiktoria,Amelia,Aleksandra,Kinga,Małgorzata,Agnieszka,Łucja,Weronika,Gabriela,Nikola,Kornelia"
	polishBoys     = "Jakub,Antoni,Szymon,Filip,Jan,Kacper,Aleksander,Franciszek,Mikołaj,Wojciech,Łukasz,Oskar,Michał,Bartosz,Mateusz,Tomasz,Paweł,Kamil,Stanisław,Grzegorz"
	polishFamilies = "Nowak,Kowalski,Wiśniewska,Wójcik,Kowalczyk,Kamińska,Lewandowski,Zielińska,Szymański,Woźniak,Dąbrowska,Kozłowski,Jankowska,Mazur,Krawczyk,Piotrowska,Grabowski," +
		"Pawłowska,Michalski,Król,Wieczorek,Jabłońska,Majewski,Olszewska,Stępień,Błaszczykowski,Górski,Sikora,Żak,Ćwik"

	arabicGirls    = "Layla,Yasmin,Noor,Salma,Huda,Rania,Amira,Farah,Hanan,Dina,Ikram,Hodan,Ayaan,Sahra,Fadumo,Hibo,Nimco,Rahma,Sumaya,Zeinab,Lina,Mona"
	arabicBoys     = "Omar,Khalid,Youssef,Karim,Mustafa,Mahmoud,Tariq,Zaid,Anas,Abdirahman,Abdi,Mohamed,Liban,Hamse,Ayoub,Mahad,Sami,Nabil,Walid,Bashar,Jamal,Faris"
	arabicFamilies = "Al-Masri,Hassan,Mohamed,Abdullah,Ibrahim,al-Khatib,El-Sayed,Haddad,Nasser,Saleh,Warsame,Abdi,Farah,Ali,Jama,Osman,Yusuf,Hersi,Al-Hamadi,Bin Salim,Mansour,Khoury," +
		"Darwish,Al Jaber,Benali,Ould Ahmed"

	chineseGirls    = "Mei,Xin Yi,Jia Yi,Yuet,Hoi Ching,Wing Yan,Lok Yiu,Sze Wai,Xiaoming,Ling,Thảo,Linh,Hương,Yuki,Sakura,Minh Anh,Tsz Ching,Ka Yan"
	chineseBoys     = "Wei,Jun,Hao Ran,Zihan,Chun Hei,Pak Hei,Tsz Hin,Yat Long,Hong,Minh,Đức,Quân,Kenji,Haruto,Ho Yin,Lok Hei,Ka Ho,Ming"
	chineseFamilies = "Wong,Chan,Li,Wang,Zhang,Chen,Lam,Cheung,Ng,Ho,Leung,Liu,Nguyễn,Trần,Phạm,Lê,Đặng,Tanaka,Kim,Park,Yip,Lau,Au-Yeung,Szeto,Tse,O"

	easternGirls    = "Sofia,Maria,Andreea,Ioana,Elena,Daria,Kateryna,Oksana,Yulia,Anastasiia,Mădălina,Ștefania,Zsófia,Eszter,Jana,Petra,Ivana,Nataša,Dorottya,Rūta,Līga,Eglė"
	easternBoys     = "Andrei,Matei,Ștefan,Cătălin,Ionuț,Dmytro,Oleksandr,Bohdan,Ivan,Nikolay,László,Bence,Tomáš,Jiří,Marek,Luka,Dušan,Vuk,Jonas,Mārtiņš,Artūras,Rareș"
	easternFamilies = "Popescu,Ionescu,Popa,Dumitru,Radu,Constantinescu,Munteanu,Shevchenko,Kovalenko,Bondarenko,Melnyk,Ivanova,Petrov,Dimitrov,Nagy,Kovács,Szabó,Tóth,Novák,Dvořáková," +
		"Horváth,Jovanović,Đorđević,Kazlauskas,Bērziņš,Žukauskienė,Țăran,Hoxha,Krasniqi"

	iberianGirls    = "Inês,Beatriz,Mariana,Leonor,Lucía,Martina,Valentina,Camila,Sofía,Paula,Ana,Letícia,Conceição,Noélia,María José,Íris,Marta,Carla"
	iberianBoys     = "João,Tomás,Gonçalo,Rodrigo,Mateo,Santiago,Diego,José,Miguel,Rafael,Iñaki,Álvaro,Thiago,Nuno,Tiago,Andrés,Hugo,Adrián"
	iberianFamilies = "Silva,Santos,Ferreira,Pereira,Oliveira,da Silva,dos Santos,García,Martínez,López,Hernández,Núñez,Peña,Muñoz,de la Cruz,Gonçalves,Magalhães,Simões,Araújo,Ibáñez," +
		"García Márquez,de Sousa,Assunção,Rodrigues"

	northernGirls    = "Astrid,Freja,Sigríður,Anneke,Femke,Lotte,Saskia,Elke,Jürgen-Anne,Käthe,Solveig,Åsa,Märta,Éloïse,Hélène,Chloé,Giulia,Chiara,Noémie,Liv"
	northernBoys     = "Søren,Lars,Björn,Åke,Pieter,Joost,Daan,Jörg,Klaus,Matteo,Lorenzo,François,René,Théo,Óskar,Mikkel,Jón,Bram,Günther,Raphaël"
	northernFamilies = "van der Berg,van Dijk,de Vries,van den Broek,de Boer,Ter Horst,Müller,Schäfer,Weiß,Großmann,von Braun,Jørgensen,Sørensen,Håkansson,Åström,Lindqvist,Þórsdóttir,Rossi," +
		"D'Angelo,Dell'Acqua,Lefèvre,Beauséjour,L'Estrange,de la Tour,Hæggström,van der Westhuizen"

	turkishGirls    = "Ayşe,Elif,Zeynep,Defne,Büşra,Özlem,Gülşen,Ecrin,Çiğdem,Melis,Eleni,Despina"
	turkishBoys     = "Emre,Mehmet,Yiğit,Ömer,İbrahim,Çağlar,Kerem,Barış,Oğuz,Mustafa,Giorgos,Andreas"
	turkishFamilies = "Yılmaz,Kaya,Demir,Şahin,Çelik,Öztürk,Aydın,Arslan,Doğan,Güneş,Papadopoulos,Christodoulou,Ioannou,Koç,Yıldız,Hüseyin"

	// mononyms are the whole name of some people, mainly of South Indian,
	// Indonesian, Burmese and Afghan families.
	mononyms = "Suresh,Lakshmi,Anbarasan,Sukarno,Wulandari,Khin,Thiri,Ahmadzai,Zalmay,Dewi"

	// englishNames are taken as preferred names by pupils whose given name is often
	// misread.
	englishNames = "Jason,Kelly,Vivian,Ryan,Tiffany,Eric,Cindy,Kevin,Alex,Sam,Max,Ollie,Charlie,Kit,Ash,Frankie,Jo,Ali,Billie,Robin"
)

// Groups and places.
const (
	treeForms   = "Oak,Ash,Beech,Birch,Cedar,Elm,Hazel,Holly,Juniper,Larch,Maple,Pine,Rowan,Sycamore,Willow,Yew,Hawthorn,Chestnut,Alder,Aspen,Poplar,Elder,Linden,Cypress"
	birdForms   = "Robin,Wren,Kestrel,Kingfisher,Owl,Swift,Swallow,Heron,Lapwing,Puffin,Skylark,Starling,Goldfinch,Nightjar,Merlin,Osprey,Curlew,Dunnock,Magpie,Jay,Plover,Falcon,Egret,Linnet"
	authorForms = "Ahlberg,Almond,Awdry,Bawden,Blackman,Bond,Cooper,Dahl,Donaldson,Garner,Ibbotson,Kipling,Lewis,Morpurgo,Nesbit,Pearce,Potter,Pratchett,Pullman,Ransome,Rosen,Streatfeild,Walliams,Zephaniah"
	houseNames  = "Nightingale,Turing,Seacole,Brunel,Attenborough,Franklin,Shackleton,Pankhurst,Darwin,Lovelace,Newton,Austen,Equiano,Johnson,Hodgkin,Rashford"

	placeFirst  = "Oak,Ash,Elm,Thorn,Brook,Mill,Stone,Wood,Fern,Hazel,Raven,Kings,Queens,Maple,Lark,Fox,Heather,High,Long,Moor,North,West,East,South,Silver,Red,White,Black,Green,Bram,Holm,Whit,Swan,Birch,Wind,Marsh,Haw,Eller,Cald,Wether"
	placeSecond = "field,ley,ford,bridge,wood,dale,ton,hurst,mere,combe,brook,well,worth,gate,stead,bury,water,side,cliffe,den"
)
