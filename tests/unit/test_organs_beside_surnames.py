"""Organ and surname in one name: only the surname is removed, in each language of the lexicon."""

from __future__ import annotations

from functools import cache

import pytest

from services.deidentify.identifiers import Identifiers
from services.deidentify.text_cleaner import Cleaner
from services.policy.text_roles import Text

ORGANS = {
    "en": """
        Lung_L Lung_R Parotid_L Parotid_R Submand_R BrainStem Brainstem SpinalCord Spinal_Canal Heart LAD Kidney_L
        Kidney_R Liver Stomach Bowel_Small BowelBag Rectum Bladder FemHead_L Femur_Head_R PenileBulb Prostate
        SeminalVes Cochlea_L Lens_R Eye_L OpticNrv_L OpticChiasm Pituitary Larynx Esophagus Thyroid Mandible Lips
        Oral_Cavity Breast_R Chestwall Humerus_L Skin Lung_Total BODY External Couch Trachea ProxBronchTree
        GreatVessels Aorta Ribs ChestWall_L BrachialPlexus Hippocampus_L TemporalLobe Optics Scalp Maxilla TMJ_L
        Tongue SoftPalate Pharynx_Const Glottis Trapezius Carina Spleen Pancreas Duodenum Colon_Sigmoid AnalCanal
        Urethra Testes Uterus Cervix Vagina Ovary_L Iliac_Crest BoneMarrow LN_Neck_II SupraClav_L IMN Axilla_L1 Cauda
        Sacrum Pubis Iliac_Nodes Penile_Bulb Trigone GTV_Nodes Scar Seroma Pacemaker TissueExpander Humeral_Head_R
        Ext_Genitalia Perineum Kidneys Lungs_minus_GTV CTV_Tumor_Bed Cord_PRV Brain-PTV Larynx_SG Cricopharyngeus
        Esophagus_Upper Heart_PRV Bowel_Space Sacral_Plexus VB_L3
    """,
    "de": """
        Lunge_li Lunge_re Parotis_re Parotis_li Rückenmark Hirnstamm Kleinhirn Herz Niere_re Niere_li Leber Magen
        Dünndarm Dickdarm Rektum Rectum Blase Harnblase Hüftkopf_li Hüftkopf_re Femurkopf_li Prostata Samenblasen
        Peniswurzel Innenohr_re Linse_li Auge_re Sehnerv_li Chiasma Hypophyse Kehlkopf Speiseröhre Schilddrüse
        Unterkiefer Lippen Mundhöhle Brust_re Mamma_li Wirbelsäule Haut Gesamtlunge Lungen Ganzhirn Hirn Körper
        Aussenkontur Trachea Bronchialbaum Aorta Rippen Thoraxwand_li Hippocampus_li Kopfhaut Oberkiefer
        Kiefergelenk_li Zunge Zungengrund Gaumen Rachen Stimmlippen Milz Duodenum Sigma Analkanal Harnröhre Hoden
        Gebärmutter Vagina Scheide Eierstock Beckenkamm Knochenmark Supraklav_li Axilla_re Kreuzbein Schambein
        Genitale Narbe Oberarmkopf_li Nieren Nebenniere Myelon RM_PRV Tränendrüse_li Hornhaut Netzhaut Augen Linsen
        Hüftköpfe Darm Bauchraum Rektumhinterwand Blasenwand Samenbläschen Penisbulbus Ösophagus Luftröhre Thymus
        Steißbein Sternum Klavikula LAD RIVA Lymphabfluss Leiste_re WS BWS HWK3 Os_ilium Femurkopf Femur_re
        Schultergelenk Weichteile
    """,
    "fr": """
        Poumon_D Poumon_G Parotide_D Parotide_G Moelle Moelle_épinière Tronc Tronc_cérébral Cervelet Coeur Cœur IVA
        Rein_D Rein_G Foie Estomac Grêle Intestin Côlon Rectum Vessie Tête_fémorale_D Tête_fém_G Prostate Vésicules
        Bulbe Cochlée_G Cristallin_D Oeil_G Nerf_optique_D Chiasma Hypophyse Larynx Oesophage Thyroïde Mandibule
        Lèvres Cavité_buccale Sein_G Peau Poumons Poumon_droit Cerveau Encéphale Contour_externe Trachée
        Arbre_bronchique Aorte Côtes Paroi_thoracique Hippocampe_G Lobe_temporal_D Cuir_chevelu Maxillaire ATM_G
        Langue Voile_du_palais Pharynx Constricteurs Cordes_vocales Rate Pancréas Duodénum Sigmoïde Canal_anal Urètre
        Testicules Utérus Vagin Ovaires Crête_iliaque Moelle_osseuse Aisselle_D CMI Sacrum Pubis OGE Périnée Cicatrice
        Pacemaker Prothèse_hanche Tête_humérale_G Reins Sous_mand_G Cornée Rétine Yeux Cristallins Têtes_fémorales
        Anses_grêles Sac_intestinal Paroi_rectale Canal_médullaire Tige_pituitaire Coccyx Sternum Artère_coronaire
        Vertèbres Bassin Foie_sain
    """,
    "it": """
        Polmone_dx Polmone_sx Parotide_dx Parotide_sx Midollo Midollo_spinale Tronco Tronco_encef Cervelletto Cuore
        Rene_dx Rene_sx Fegato Stomaco Tenue Intestino Colon Retto Vescica Testa_fem_dx Testa_femore_sx Prostata
        Vescicole Bulbo_penieno Coclea_sx Cristallino_dx Occhio_sx Nervo_ottico_dx Chiasma Ipofisi Laringe Esofago
        Tiroide Mandibola Labbra Cavo_orale Mammella_sx Seno_dx Milza Cute Polmoni Encefalo Cervello Corpo Body
        Trachea Aorta Coste Parete_toracica Ippocampo_sx Cuoio_capelluto Mascella ATM_sx Lingua Palato_molle Faringe
        Costrittori Corde_vocali Pancreas Duodeno Sigma Canale_anale Uretra Testicoli Utero Vagina Ovaie Cresta_iliaca
        Midollo_osseo Linfonodi_collo Sovraclav_sx Ascella_dx Sacro Pube Genitali_esterni Perineo Cicatrice
        Testa_omero_sx Reni Gh_lacrimale Cornea Retina Occhi Cristallini Teste_femorali Anse_intestinali
        Parete_rettale Canale_midollare Peduncolo Coccige Sterno Vertebre Bacino Fegato_sano Emiencefalo
    """,
    "es": """
        Pulmón_D Pulmon_I Parótida_D Parotida_I Médula Medula_espinal Tronco Tronco_cerebral Cerebelo Corazón Riñón_D
        Riñon_I Hígado Estómago Intestino Delgado Colon Recto Vejiga Cabeza_fem_D Cabeza_femoral_I Próstata Vesículas
        Bulbo_peneano Cóclea_I Cristalino_D Ojo_I Nervio_óptico_D Quiasma Hipófisis Laringe Esófago Tiroides Mandíbula
        Labios Cavidad_oral Mama_I Bazo Páncreas Piel Pulmones Cerebro Encéfalo Contorno Tráquea Árbol_bronquial Aorta
        Costillas Pared_torácica Plexo_braquial_D Hipocampo_I Lóbulo_temporal Cuero_cabelludo Maxilar ATM_I Lengua
        Paladar_blando Faringe Constrictores Cuerdas_vocales Duodeno Sigma Canal_anal Uretra Testículos Útero Vagina
        Ovarios Cresta_ilíaca Médula_ósea Ganglios_cuello Supraclav_I Axila_D Sacro Pubis Periné Cicatriz
        Cabeza_humeral Riñones Submandibular_D Córnea Retina Ojos Cristalinos Bolsa_intestinal Pared_rectal
        Canal_medular Oído_interno_D Oído_medio Coxis Esternón Vértebras Pelvis Hígado_sano
    """,
    "pt": """
        Pulmão_D Pulmao_E Parótida_D Parotida_E Medula Medula_espinal Tronco Tronco_cerebral Cerebelo Coração Rim_D
        Rim_E Fígado Estômago Intestino Delgado Cólon Reto Recto Bexiga Cabeça_fem_D Cabeça_femoral_E Próstata
        Vesículas Bulbo_peniano Cóclea_E Cristalino_D Olho_E Nervo_óptico_D Quiasma Hipófise Laringe Esófago Esôfago
        Tiroide Mandíbula Lábios Cavidade_oral Mama_E Pele Pulmões Cérebro Encéfalo Contorno Traqueia Árvore_brônquica
        Aorta Costelas Parede_torácica Plexo_braquial_D Hipocampo_E Lobo_temporal Couro_cabeludo Maxilar ATM_E Língua
        Palato_mole Faringe Constritores Cordas_vocais Baço Pâncreas Duodeno Sigmoide Canal_anal Uretra Testículos
        Útero Vagina Ovários Crista_ilíaca Medula_óssea Supraclav_E Axila_D Sacro Púbis Períneo Cicatriz Cabeça_umeral
        Rins Submandibular_D Córnea Retina Olhos Cristalinos Cabeças_femorais Saco_intestinal Parede_retal
        Canal_medular Ouvido_interno_D Cóccix Esterno Vértebras Bacia Pelve Fígado_sadio Intestino_grosso Alças
        Globo_ocular_D Nervo_ótico
    """,
    "nl": """
        Long_L Long_R Parotis_L Parotis_R Ruggenmerg Myelum Hersenstam Cerebellum Hart Nier_L Nier_R Lever Maag
        Dunne_darm Dikke_darm Darmen Rectum Blaas Heupkop_L Femurkop_R Prostaat Zaadblaasjes Penisbulbus Cochlea_L
        Lens_R Oog_L Oogzenuw_L Chiasma Hypofyse Larynx Strottenhoofd Slokdarm Schildklier Onderkaak Lippen Mondholte
        Borst_L Borst_R Milt Huid Longen Hersenen Brein Lichaam Trachea Bronchusboom Aorta Ribben Borstwand_L
        Hippocampus_L Temporaalkwab Hoofdhuid Bovenkaak Kaakgewricht_L Tong Gehemelte Slikspieren Pharynx Stembanden
        Alvleesklier Pancreas Duodenum Sigmoid Anaalkanaal Plasbuis Testikels Baarmoeder Vagina Eierstok Bekkenkam
        Beenmerg Halsklieren Supraclav_L Oksel_R Sacrum Schaambeen Litteken Pacemaker Schouderkop Nieren
        Speekselklier_L Traanklier_L Hoornvlies Netvlies Ogen Lenzen Heupkoppen Darmpakket Darmlis Rectumwand
        Wervelkanaal Middenoor Binnenoor_R Stuitje Borstbeen Wervels Bekken Gezonde_lever Mamma_L Blaaswand Zaadblazen
        Kransslagader LAD Dundarm Dikkedarm Myelum_PRV
    """,
    "sv": """
        Lunga_vä Lunga_hö Parotis_vä Parotis_hö Ryggmärg Hjärnstam Lillhjärna Hjärta Njure_vä Njure_hö Lever Magsäck
        Tunntarm Tjocktarm Tarm Rektum Ändtarm Urinblåsa Blåsa Höftkula_vä Caput_hö Prostata Sädesblåsor Svalg Öga_vä
        Lins_hö Synnerv_vä Chiasma Hypofys Struphuvud Matstrupe Sköldkörtel Underkäke Käke Läppar Munhåla Bröst_vä
        Mjälte Bukspottkörtel Hud Lungor Hjärna Kropp Ytterkontur Trakea Bronkträd Aorta Revben Bröstkorgsvägg
        Hippocampus_vä Temporallob Hårbotten Överkäke Käkled_vä Tunga Gom Svalgmuskler Stämband Pankreas Duodenum
        Sigmoideum Analkanal Urinrör Testiklar Livmoder Vagina Äggstock Benmärg Halslymfkörtlar Supraklav Axill_hö
        Sakrum Blygdben Ärr Pacemaker Humerushuvud Njurar Spottkörtel Submandibularis Tårkörtel Hornhinna Ögon Linser
        Lårbenshuvud Höftled_vä Tarmpaket Rektumvägg Ryggmärgskanal Inneröra_hö Svanskota Bröstben Kotor Bäcken
        Esofagus
    """,
    "no": """
        Lunge_ve Lunge_hø Parotis_ve Ryggmarg Hjernestamme Lillehjernen Hjerte Nyre_ve Nyre_hø Lever Magesekk Tynntarm
        Tykktarm Endetarm Urinblære Blære Hoftekule_ve Lårhals_hø Prostata Sædblærer Svelg Øye_ve Linse_hø
        Synsnerve_ve Chiasma Hypofyse Strupehode Spiserør Underkjeve Kjeve Lepper Munnhule Bryst_ve Milt
        Bukspyttkjertel Hud Lunger Hjerne Kropp Luftrør Bronkietre Ribbein Brystvegg Hjernestammen Hippocampus
        Tinninglapp Hodebunn Overkjeve Tunge Gane Stemmebånd Pankreas Tolvfingertarm Sigmoideum Analkanal Urinrør
        Testikler Livmor Skjede Eggstokk Beinmarg Lymfeknuter_hals Armhule_hø Korsbein Arr Nyrer Spyttkjertel
        Tårekjertel Øyne Linser Lårhode Hofteledd_ve Rektum Spinalkanal Indre_øre Haleben Brystben Virvler Bekken
        Øsofagus Mellomøre Blærevegg
    """,
    "da": """
        Lunge_ve Lunge_hø Rygmarv Hjernestamme Lillehjerne Hjerte Nyre_ve Nyre_hø Lever Mavesæk Tyndtarm Tyktarm
        Endetarm Urinblære Blære Hofte_ve Prostata Sædblærer Svælg Øje_ve Linse_hø Synsnerve_ve Hypofyse Strubehoved
        Spiserør Underkæbe Kæbe Læber Mundhule Bryst_ve Milt Bugspytkirtel Hud Lunger Hjerne Krop Luftrør Ribben
        Brystvæg Hjernestammen Overkæbe Tunge Gane Stemmebånd Pancreas Tolvfingertarm Sigmoideum Analkanal Urinrør
        Testikler Livmoder Skede Æggestok Knoglemarv Lymfeknuder_hals Armhule Korsben Ar Nyrer Spytkirtel Tårekirtel
        Øjne Linser Lårbenshoved Hofteled Rektum Rygmarvskanal Indre_øre Haleben Brystben Hvirvler Bækken Tarme
        Oesophagus Blærevæg
    """,
    "pl": """
        Płuco_L Płuco_P Ślinianka_L Rdzeń Rdzeń_kręgowy Pień_mózgu Móżdżek Serce Nerka_L Nerka_P Wątroba Żołądek Jelita
        Odbytnica Pęcherz Pęcherz_moczowy Głowa_kości_udowej_L Prostata Pęcherzyki_nasienne Opuszka_prącia Ślimak_L
        Soczewka_L Nerw_wzrokowy_P Skrzyżowanie Przysadka Krtań Przełyk Tarczyca Żuchwa Wargi Jama_ustna Skóra Płuca
        Mózgowie Tchawica Żebra Klatka_piersiowa Język Gardło Śledziona Trzustka Dwunastnica Macica Pochwa Jajnik
        Węzły_chłonne Loża Blizna Kość_krzyżowa Ściana_odbytnicy
    """,
    "cs": """
        Plíce_L Plíce_P Mícha Mozkový_kmen Mozeček Srdce Ledvina_L Ledvina_P Játra Žaludek Střevo Konečník
        Močový_měchýř Hlavice_femuru_L Prostata Semenné_váčky Bulbus_penisu Čočka_L Zrakový_nerv_P Chiasma Hypofýza
        Hrtan Jícen Štítná_žláza Čelist Dutina_ústní Kůže Mozek Průdušnice Žebra Hrudní_stěna Příušní_žláza_L Slinivka
        Slezina Děloha Uzliny Lůžko
    """,
    "tr": """
        Akciğer_L Akciğer_R Omurilik Beyincik Kalp Böbrek_L Karaciğer Mide Barsak Rektum Mesane
        Prostat Seminal_vezikül Penil_bulb Koklea_L Optik_sinir_R Kiasma Hipofiz Larenks Özofagus Tiroid
        Mandibula Beyin Göğüs Pankreas Dalak Lenf_nodu
    """,
    "ja": """
        脊髄 脊髄_PRV 右肺 左肺 心臓 食道 気管支 肝臓 右腎 膀胱 直腸 小腸 前立腺 精嚢
        大腿骨頭 耳下腺 喉頭 下顎骨 脳幹 視神経 下垂体 水晶体 乳房 胸壁
    """,
    "zh": """
        脊髓 左肺 右肺 心脏 食管 肝脏 左肾 膀胱 直肠 小肠 前列腺 股骨头 腮腺
        下颌骨 脑干 视神经 垂体 晶体 甲状腺 喉部 皮肤
    """,
    "ko": """
        척수 우폐 좌폐 심장 식도 기관지 신장 방광 직장 소장 전립선 정낭
        대퇴골두 이하선 뇌간 시신경 뇌하수체 수정체 유방 갑상선 피부
    """,
}
SURNAMES = ("Hohenbrück", "Jansen", "Lund", "Kowalczyk", "Oliveira")


def cleaned(name: str, surname: str, role: str = "roi_name") -> str:
    """Return a cleaned text in a set of that patient."""
    return Cleaner(of_a_patient(surname), [Text(role, 7, name)]).clean(name, role)


@cache
def of_a_patient(surname: str) -> Identifiers:
    """Return the identifiers of a set of that patient."""
    return Identifiers([("person", f"{surname}^Xaveria")])


@pytest.mark.parametrize("surname", SURNAMES)
@pytest.mark.parametrize("language", ORGANS)
@pytest.mark.parametrize("form", ["{organ} {name}", "{name}_{organ}", "{organ}-{name}"])
def test_an_organ_beside_a_surname_is_kept(language: str, surname: str, form: str) -> None:
    """With its side, as spelled."""
    organs = ORGANS[language].split()

    assert {organ: cleaned(form.format(organ=organ, name=surname), surname) for organ in organs} == {
        organ: organ for organ in organs
    }


@pytest.mark.parametrize("surname", SURNAMES)
@pytest.mark.parametrize("language", ORGANS)
def test_an_organ_that_a_name_is_glued_to_stays(language: str, surname: str) -> None:
    """In a single case, as typed with caps lock."""
    organs = [organ for organ in ORGANS[language].split() if organ.isalpha() and organ.isascii() and 2 < len(organ) < 9]

    assert {organ: cleaned(f"{organ}{surname}".upper(), surname) for organ in organs} == {
        organ: organ.upper() for organ in organs
    }


@pytest.mark.parametrize(
    ("role", "text", "left"),
    [
        ("plan_label", "HN Lund", "HN"),
        ("plan_label", "Lund HNO neu", "HNO neu"),
        ("plan_label", "VMAT_2Arc Lund", "VMAT_2Arc"),
        ("plan_label", "Prost 30x2 Lund", "Prost 30x2"),
        ("plan_label", "Mamma li Lund", "Mamma li"),
        ("plan_label", "SBRT LWK3 Lund", "SBRT LWK3"),
        ("plan_label", "Plan Lund neu", "Plan07"),
        ("structure_set_label", "HN Lund", "HN"),
        ("structure_set_label", "CT Becken Lund", "CT Becken"),
        ("beam_name", "G180 Lund", "G180"),
        ("beam_name", "Lund RAO", "RAO"),
        ("beam_name", "CW 181-179 Lund", "CW 181-179"),
        ("beam_name", "Lund Setup kV", "Setup kV"),
        ("beam_name", "Feld Lund", "Beam07"),
        ("roi_name", "Lund Qwertz Lunge re", "Lunge re"),
        ("roi_name", "Lund unklar", "ROI_07"),
    ],
)
def test_what_a_physicist_needs_stays(role: str, text: str, left: str) -> None:
    """Site, technique, dose and direction; a text without any gets a number."""
    assert cleaned(text, "Lund", role) == left


@pytest.mark.parametrize("word", ["li", "re", "L", "R", "left", "rechts", "GTV", "CTV", "ITV", "PTV"])
def test_sides_and_targets_stay_whatever_the_patient_is_called(word: str) -> None:
    """A stand-in never loses or changes a side."""
    assert cleaned(f"Lunge {word}", word) == f"Lunge {word}"
