"""The same in other languages, all of weight LIKELY: terms of programming are English everywhere, so these
are the words around them. `stem*` stands for every word that begins with these six letters. Accents may be
missing in what is asked.
"""

CODE = """
código codigo función funcion archivo fichero carpeta módulo programa programar programación servidor bucle
compilar compila consulta_sql base_de_datos excepción depurar despleg* variable_de cadena_de_texto arreglo
matriz_de línea_de_comandos terminal navegador página_web botón formulario repositorio rama_de script
guion_bash contraseña pantalla_en_blanco desarro* rendimiento desinstalar instalarlo instalado actualiza_la
quellcode funktion funktionen datei dateien ordner modul skript datenbank schleife schleifen fehlermeldung
kompil* absturz abstürzt stürzt_ab programmieren programmierung programmier* server rechner bereitstellen
klammer zeichenkette liste_sortieren abfrage tabelle_spalte spalte spalten zeile zeilen befehl kommandozeile
eingabeaufforderung browser schnittstelle entwickler anwendung absenden klickt klick gespeichert speichert
doppelt_gespeichert passwort_hash umgebungsvariable laufzeit laufzeitfehler testfall rückgabewert fonction
fichier fichiers dossier boucle chaîne_de_caractères tableau_en requête base_de_données serveur erreur bogue
débogu* compilation exécut* développ* programmation programme_en variable logiciel navigateur bouton
formulaire afficher_la_page s'afficher ligne_de_commande invite_de_commande expression_régulière
expression_rationnelle dépôt branche déploy* plante_quand funzione cartella stringa ciclo eccezione errore
database compilare programma_in programmazione sviluppatore espressione_regolare interrogazione script
pulsante pagina_web riga_di_comando variabile função arquivo pasta erro exceção laço banco_de_dados compilar
programação desenvolvedor expressão_regular botão consulta linha_de_comando navegador repositório planilha
variável functie bestand bestanden map lus foutmelding foutmeldingen database programmeren code script
variabele knop opdrachtregel webpagina tabel kolom regel_code compileren код кода коде кодом функци* файл
файла файлы файле папк* ошибк* скрипт скрипта сервер сервера сервере база_данных базу_данных базы_данных
запрос запроса цикл цикла массив массива строк* перемен* компил* отладк* програ* регуляр* исключе* библио*
браузер кнопк* развер* деплой репозит* ветк* таблиц* страниц* индекс कोड फ़ंक्शन फंक्शन प्रोग्राम
प्रोग्रामिंग सर्वर डेटाबेस एरर त्रुटि लूप स्क्रिप्ट फ़ाइल फाइल वेबसाइट बटन ऐप सॉफ्टवेयर पाइथन जावा الكود كود
دالة الدالة برمجة برنامج خطأ الخطأ سيرفر السيرفر خادم الخادم ملف الملف ملفات قاعدة_بيانات قاعدة_البيانات
مصفوفة حلقة متغير سكربت بايثون جافا الصفحة صفحة زر الزر المتصفح المشروع استعلام تطبيق التطبيق
"""

REASONING = """
calcula calcular cálculo demuestra demostrar demuéstrame prueba_que resolver resuelve ecuación ecuaciones
probabi* porcentaje cuánto cuántos cuánta cuántas cuanto_tarda velocidad_media promedio media_de triángulo
área perímetro divisible número_primo raíz_cuadrada derivada integral lógica acertijo razonamiento razona
paso_a_paso compara ventajas_y_desventajas descuento interés hipoteca presupuesto turnos reparto edad edades
doble mitad kilómetros berechne berechnen berech* beweise beweisen beweis zeige_dass gleichung gleichungen
wahrsch* prozent wie_viel wie_viele wieviel wieviele wie_lange_dauert durchschnitt durchsch* dreieck fläche
umfang teilbar primzahl quadra* ableitung logik rätsel schlussf* schritt_für_schritt vergleiche abwägen
rabatt zinsen zinssatz hypothek budget schichtplan stundenplan doppelt hälfte kilometer reichweite löse
lösen calcule calculer calculez montre_que montrez_que démontre démontrer prouve prouver équation équations
pourcen* combien vitesse_moyenne moyenne triangle périmètre aire divisible nombre_premier racine_carrée
dérivée intégrale logique énigme raisonn* étape_par_étape compare_les remise intérêt intérêts prêt budget
double moitié calcola calcolare dimostra dimostrare dimostrami equazione equazioni percen* quanto quanti
quante quanto_tempo velocità_media media triangolo perimetro divisibile numero_primo radice_quadrata
derivata integrale logica indovinello ragiona passo_per_passo sconto interesse mutuo doppio metà calcule
calcula prove demonstre equação equações porcen* quanto quantos quantas quanto_tempo velocidade_média média
triângulo perímetro divisível número_primo raiz_quadrada derivada lógica enigma raciocínio passo_a_passo
desconto juros dobro metade torneiras bereken berekenen bewijs bewijzen vergelijking kans waarschij*
percentage procent hoeveel hoe_lang_duurt gemiddelde driehoek omtrek deelbaar priemgetal wortel afgeleide
logica raadsel stap_voor_stap korting rente hypotheek дубль вычисл* посчит* рассчит* сосчит* докажи доказать
докажите доказа* уравне* вероят* процен* сколько средняя_скорость средняя среднее треуголь* площадь перимет*
делится простое_число корень производн* интегра* логик* логичес* загадк* задач* рассужд* пошагово скидк*
вдвое половин* решите решить реши गणना साबित सिद्ध समीकरण प्रायिकता संभावना प्रतिशत कितना कितने कितनी औसत
त्रिभुज क्षेत्रफल लाभ हानि छूट ब्याज ब्याज_दर तर्क पहेली हल अनुपात احسب حساب أثبت برهن معادلة المعادلة
احتمال احتمالية نسبة بالمئة كم متوسط مثلث مساحة محيط قابل عدد_أولي جذر مشتقة تكامل منطق لغز استنتج خصم فائدة
kitne kitna kitni ganit pratishat hisaab
"""

GENERAL = """
receta poema cuento carta correo mensaje invitación felicitación boda cumpleaños viaje vacaciones vestimenta
traduce traducir traducción resumen resume_este sinónimo capital_de quién quien_escribió historia película
libro canción consejo recomienda recomiéndame recomendación cena comida desayuno regalo saludo restaurante
novia novio hola gracias abuela hijo hija perro gato código_de_vestimenta código_postal código_penal dolor
rezept gedicht geschichte brief mail nachricht einladung glückwunsch hochzeit geburtstag reise urlaub
übersetze übersetzen übersetzung zusammenf* synonym hauptstadt wer_schrieb wer_hat film buch lied tipp tipps
empfiehl empfehlung empfeh* abendessen frühstück geschenk gruß grüße freundin freund hallo danke oma sohn
tochter hund katze höflich höfliche absage trinkgeld dankes* märchen postleitzahl schmerzen kopfschmerzen
recette poème conte lettre courriel message invitation mariage anniversaire voyage vacances traduis traduire
traduction résumé résume synonyme capitale qui_a film livre chanson conseil conseils recommande dîner menu
déjeuner cadeau bonjour merci grand-mère fils fille chien chat nouvelle rédige poésie noël
code_vestimentaire code_postal code_de_la_route douleur restaurant ricetta poesia racconto lettera messaggio
invito matrimonio compleanno viaggio vacanza traduci traduzione riassunto riassumi sinonimo capitale chi_ha
film libro canzone consiglio consigli consigliami cena pranzo colazione regalo ciao grazie nonna figlio
figlia cane gatto auguri codice_postale codice_fiscale receita poema conto carta mensagem convite casamento
aniversário viagem férias traduza traduzir tradução resumo resuma sinônimo capital quem_escreveu filme livro
música conselho dicas recomende jantar almoço presente olá obrigado obrigada avó filho filha cachorro
época_para_visitar visitar código_de_vestimenta cep recept gedicht verhaal brief bericht uitnodiging
bruiloft verjaardag reis vakantie vertaal vertaling samenva* synoniem hoofdstad wie_schreef boek liedje tip
aanbeveling ontbijt cadeau hallo bedankt oma zoon dochter hond kat рецепт стихотв* стих сказк* рассказ
письмо письма сообщение пригла* свадьб* рожден* поездк* отпуск переведи перевод резюме синоним столица
кто_написал фильм книг* песн* совет посоветуй рекоменд* ужин обед завтрак подарок привет спасибо бабушк* сын
дочь собака кошка поздра* история कविता कहानी पत्र चिट्ठी संदेश निमंत्रण शादी जन्मदिन यात्रा छुट्टी अनुवाद
सारांश राजधानी फिल्म किताब गाना सलाह खाना रेसिपी उपहार नमस्ते धन्यवाद दादी किसने कौन कब बनवाया बधाई وصفة
قصيدة قصة رسالة دعوة عرس زفاف عيد ميلاد سفر رحلة إجازة ترجم ترجمة لخص ملخص مرادف عاصمة فيلم كتاب أغنية نصيحة
عشاء غداء هدية مرحبا شكرا جدتي تهنئة العيد من_هو من_كتب من_هي لجيراني
"""

HAN = {
    "code": """
        代码 函数 编程 程序报错 报错 数据库 服务器 脚本 循环 数组 列表 变量 接口 编译 调试 前端 后端
        算法 正则 浏览器 线程 部署 页面 按钮 字符串 类型错误 异常 安装 运行 文件夹 命令行 内存泄漏
        コード 関数 プログラム エラー サーバー データベース 配列 変数 ループ スクリプト コンパイル
        デバッグ ブラウザ 例外 正規表現 クラス メソッド ファイル フォルダ インストール 実装 デプロイ
        ボタン ページ 画面 ログ アプリ 코드 함수 서버 오류 데이터베이스 배열 변수 스크립트 파일
    """,
    "reasoning": """
        计算 证明 概率 方程 求解 推理 逻辑 百分之 多少 几个 平均 面积 三角形 周长 整除 质数 导数 积分
        利率 折扣 速度 小时 步骤 比较 最少 最多 至少 几天 谁在说谎 谜题 計算 証明 確率 方程式 論理
        何パーセント 割引 いくら 何個 何人 何通り 何分 何時間 速さ 平均 面積 三角形 素数 微分 積分 最小
        最大 なぞなぞ 推論 利息 時速 계산 증명 확률 방정식 몇
    """,
    "general": """
        邮件 信 诗 故事 翻译 总结 摘要 礼物 生日 旅行 旅游 菜谱 食谱 推荐 电影 书 首都 谁写 历史 祝福
        婚礼 请假 语气 天气 你好 谢谢 男朋友 女朋友 妈妈 孩子 感谢 怎么做菜 手紙 メール 詩 物語 翻訳
        要約 誕生日 旅行 レシピ おすすめ 映画 本を 首都 挨拶 お礼 結婚式 プレゼント 歌 こんにちは
        ありがとう 先生 友達 彼氏 彼女 メッセージ 感動 敬語 편지 시를 번역 여행 추천 선물
    """,
}
"""Chinese, Japanese and Korean: found anywhere in a text, since nothing stands between words."""
